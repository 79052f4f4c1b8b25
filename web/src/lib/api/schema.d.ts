// Generated from docs/openapi.json by `npm run types`. Never edited by hand.
export interface paths {
    "/api/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The same as `/api/v1/search`. */
        get: operations["search_short"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/apply": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Applies manifests of missions, klusters, tasks and docs: all of them, or none. */
        post: operations["apply_apply"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/apply/owners/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who owns the fields of an object, by its id. */
        get: operations["apply_field_owners"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/approvals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists approvals, or streams their changes. */
        get: operations["approvals_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/approvals/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One approval by id; its requester sees the token, once it is approved. */
        get: operations["approvals_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/approvals/{ref}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Decides for the action. */
        post: operations["approvals_approve"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/approvals/{ref}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Withdraws an own request. */
        post: operations["approvals_cancel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/approvals/{ref}/reject": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Decides against the action. */
        post: operations["approvals_reject"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/approvals/decide": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Decides several approvals, each for itself: what forbids one leaves the others as they are decided. */
        post: operations["approvals_decide_all"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/artifacts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists artifacts, or streams their changes. */
        get: operations["artifacts_list"];
        put?: never;
        /** Stores content (at most 64 MiB) as an artifact; the body is the bytes, `content-type` their media type. */
        post: operations["artifacts_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/artifacts/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One artifact's metadata by id. */
        get: operations["artifacts_get"];
        put?: never;
        post?: never;
        /** Deletes an artifact that no publication holds. */
        delete: operations["artifacts_delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/artifacts/{ref}/content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The bytes of an artifact, or a range of them; every download is in the ledger. */
        get: operations["artifacts_content"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/artifacts/{ref}/download-url": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A URL that gives the bytes without a token until it expires; giving it out is in the ledger. */
        get: operations["artifacts_download_url"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/artifacts/{ref}/signed-content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The bytes of an artifact by a URL that `download-url` gave out; no token is needed. */
        get: operations["artifacts_signed_content"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/cookie": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Makes a login session and gives it to a browser as a cookie that no script can read. Requests that change something
         *     with it need the header `x-mc-csrf: 1`. The answer holds no token.
         */
        post: operations["auth_login_cookie"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/grants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the grants that have not ended and that the caller might end, without their tokens. */
        get: operations["auth_list_grants"];
        put?: never;
        /** Makes a grant for an agent; its token is shown once. */
        post: operations["auth_issue_grant"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/grants/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Ends a grant before its time. */
        delete: operations["auth_revoke_grant"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes a login session; its token is shown once. */
        post: operations["auth_login"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/logins": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Login sessions that have not ended: the caller's own, or for an Admin those of others. */
        get: operations["auth_logins"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/logins/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Ends one login session: an own one, or for an Admin anybody's. */
        delete: operations["auth_revoke_login"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ends the login session in use. */
        post: operations["auth_logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/logout-everywhere": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ends every login session of the caller, the one in use too. */
        post: operations["auth_logout_everywhere"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/whoami": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who the caller is. */
        get: operations["auth_whoami"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/bindings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists bindings. */
        get: operations["persistence_list_bindings"];
        put?: never;
        /** Binds a mission to a branch of a repository. */
        post: operations["persistence_create_binding"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/bindings/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One binding by id, or by name in a mission. */
        get: operations["persistence_get_binding"];
        put?: never;
        post?: never;
        /** Deletes a binding that nothing was asked to be published to. */
        delete: operations["persistence_delete_binding"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/bindings/provision": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Binds a mission and sends everything there, in one step. */
        post: operations["persistence_provision"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/connections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists connections. Credentials are never shown. */
        get: operations["persistence_list_connections"];
        put?: never;
        /** Makes a connection; its credential is sealed and never shown. */
        post: operations["persistence_create_connection"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/connections/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One connection by id or name. */
        get: operations["persistence_get_connection"];
        put?: never;
        post?: never;
        /** Deletes a connection that no binding uses. */
        delete: operations["persistence_delete_connection"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/connections/{ref}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Replaces the credential; publications that wait are tried at once. */
        post: operations["persistence_rotate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/connections/{ref}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tests a connection without writing to the repository; may accept an SSH host key by its fingerprint. */
        post: operations["persistence_test"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists docs, or streams their changes. */
        get: operations["docs_list"];
        put?: never;
        /** Creates a doc with its first version (at most 1 MiB of text). */
        post: operations["docs_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/docs/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One doc's metadata by id, or by name with mission and kluster. */
        get: operations["docs_get"];
        put?: never;
        post?: never;
        /** Deletes a doc with all its versions. */
        delete: operations["docs_delete"];
        options?: never;
        head?: never;
        /** Changes a doc's metadata (JSON Merge Patch). */
        patch: operations["docs_update"];
        trace?: never;
    };
    "/api/v1/docs/{ref}/content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The text of a version as it is, at most 1 MiB; ranges are not served. `x-doc-version` says which version it is. */
        get: operations["docs_content"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/docs/{ref}/diff": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Compares two versions as a unified diff. */
        get: operations["docs_diff"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/docs/{ref}/publish": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Publishes the version named. */
        post: operations["docs_publish"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/docs/{ref}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the versions of a doc, ascending. */
        get: operations["docs_versions"];
        put?: never;
        /** Writes a new version (at most 1 MiB of text) on top of the newest, which `base_version` names. */
        post: operations["docs_put_version"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/join-tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the join tokens that were neither revoked nor have ended. */
        get: operations["nodes_list_tokens"];
        put?: never;
        /** Makes a join token; its text is shown once. */
        post: operations["nodes_create_token"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/join-tokens/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One join token by id, without its text. */
        get: operations["nodes_get_token"];
        put?: never;
        post?: never;
        /** Revokes a join token; nodes that have joined stay. */
        delete: operations["nodes_revoke_token"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/keystones": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The keystone of a mission or kluster, with its newest text. */
        get: operations["docs_get_keystone"];
        put?: never;
        /** Makes a keystone from its template; one that exists is the answer as it is. */
        post: operations["docs_init_keystone"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/klusters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists klusters, or streams their changes. */
        get: operations["klusters_list"];
        put?: never;
        /** Creates a kluster. */
        post: operations["klusters_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/klusters/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One kluster by id, or by name with `mission`. */
        get: operations["klusters_get"];
        put?: never;
        post?: never;
        /** Deletes an empty kluster. */
        delete: operations["klusters_delete"];
        options?: never;
        head?: never;
        /** Changes a kluster (JSON Merge Patch). */
        patch: operations["klusters_update"];
        trace?: never;
    };
    "/api/v1/ledger/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists sealed events in the order of the chain, or newest first. With `subject_kind`, `action` or `actor` a page may
         *     hold fewer events than asked for, even none: `next_cursor` goes on until it is absent.
         */
        get: operations["ledger_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ledger/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The whole chain, one sealed event per line, up to the head at the time of the request. */
        get: operations["ledger_export"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ledger/head": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The end of the chain, and how many events wait for their seal. */
        get: operations["ledger_head"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ledger/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What happened to an entity, oldest or newest first. */
        get: operations["ledger_history"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ledger/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Rebuilds published state from a Git ledger, in an installation without missions: everything or nothing. What does not
         *     fit into one piece comes as a stream: lines of JSON, each with as many bytes of text behind it as it says. Sent again
         *     after an interruption it goes on where it was.
         */
        post: operations["ledger_restore"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists missions, or streams their changes. */
        get: operations["missions_list"];
        put?: never;
        /** Creates a mission. */
        post: operations["missions_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/missions/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One mission by id or name. */
        get: operations["missions_get"];
        put?: never;
        post?: never;
        /** Deletes an empty mission. */
        delete: operations["missions_delete"];
        options?: never;
        head?: never;
        /** Changes a mission (JSON Merge Patch). */
        patch: operations["missions_update"];
        trace?: never;
    };
    "/api/v1/missions/{ref}/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A mission as a pack (JSON lines); with `dry_run` what would be in it. The header `x-pack-sha256` has its digest. */
        get: operations["missions_export_mission"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/nodes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists nodes, or streams their changes. */
        get: operations["nodes_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/nodes/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One node by id or name. */
        get: operations["nodes_get"];
        put?: never;
        post?: never;
        /** Revokes a node: its certificate and its key are refused from now on. */
        delete: operations["nodes_revoke"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/nodes/{ref}/cordon": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Gives a node no new agent sessions. */
        post: operations["nodes_cordon"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/nodes/{ref}/drain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Drains a node: it takes nothing new, what it has not begun goes elsewhere, and what runs there ends in its time. */
        post: operations["nodes_drain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/nodes/{ref}/uncordon": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Lets a cordoned or drained node take agent sessions again. */
        post: operations["nodes_uncordon"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/overlap/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Says what creating a task, a doc or an artifact would overlap. Nothing is changed. */
        post: operations["overlaps_check"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/overlaps": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists suggestions of which the caller may read both sides. */
        get: operations["overlaps_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/overlaps/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One suggestion. */
        get: operations["overlaps_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/overlaps/{ref}/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Acts on a suggestion: link, wait or merge. */
        post: operations["overlaps_accept"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/overlaps/{ref}/dismiss": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Says that a suggestion is none. */
        post: operations["overlaps_dismiss"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/packs/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes a new mission of a pack, which is the body: everything or nothing. Run again, it says what is there. */
        post: operations["missions_import_mission"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/principal-names": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The names behind ids of principals. Ids of nobody, and of those that the caller may not know of, are left out. */
        get: operations["auth_names"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/principals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists principals. */
        get: operations["auth_list"];
        put?: never;
        /** Creates a principal. */
        post: operations["auth_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/principals/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One principal by id or name. */
        get: operations["auth_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/principals/{ref}/logout-everywhere": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ends every login session and every grant of somebody. */
        post: operations["auth_logout_of"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/principals/{ref}/role": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Sets or removes a role, in the organization or in one mission. */
        put: operations["auth_set_role"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/profiles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the caller's profiles. */
        get: operations["profiles_list"];
        put?: never;
        /** Stores an archive (tar, also gzipped) as the next version of a profile of the caller's; `base_version` 0 makes it. */
        post: operations["profiles_push"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/profiles/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One of the caller's profiles, by id or name. */
        get: operations["profiles_get"];
        put?: never;
        post?: never;
        /** Gives a profile up, with all its versions. */
        delete: operations["profiles_delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/profiles/{ref}/activate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes a profile the one that is used where none is named. */
        post: operations["profiles_activate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/profiles/{ref}/content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The archive of a version, as tar. `x-bundle-version` says which it is, the entity tag is its digest. */
        get: operations["profiles_content"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/profiles/{ref}/pin": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Keeps to a version of a profile: it is given where none is named. Without one the newest is given again. */
        post: operations["profiles_pin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/profiles/{ref}/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Which version of a profile is given now, and how what the caller has compares with it. */
        get: operations["profiles_status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/profiles/{ref}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the versions of a profile, ascending. */
        get: operations["profiles_versions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/publication-policies/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a mission publishes where. */
        get: operations["persistence_get_policy"];
        /** Replaces what a mission publishes where. */
        put: operations["persistence_put_policy"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/publications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists publications, or streams their changes. */
        get: operations["publications_list"];
        put?: never;
        /** Asks for a publication; it is committed when its approval is given. */
        post: operations["publications_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/publications/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One publication by id. */
        get: operations["publications_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/publications/{ref}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tries a publication again that failed or waits: as it was approved, or, when its routes lead elsewhere now, by asking anew. */
        post: operations["publications_retry"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/publications/{ref}/withdraw": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Gives up a publication that is not in Git. Done again it changes nothing. */
        post: operations["publications_withdraw"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/publications/pending": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What waits in a mission for each of its targets. */
        get: operations["publications_pending"];
        put?: never;
        /** Asks for the publication of everything that waits: one publication for each target. */
        post: operations["publications_publish_pending"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/publications/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Says what a publication would do: repository, branch, file, format, change, approval. Changes nothing. */
        post: operations["publications_plan"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/publications/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How far a mission is published. */
        get: operations["publications_status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reservations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists reservations, or streams their changes. */
        get: operations["reservations_list"];
        put?: never;
        /** Reserves paths of a repository: at once, or in line. */
        post: operations["reservations_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reservations/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One reservation by id. */
        get: operations["reservations_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reservations/{ref}/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Gives the paths back. */
        post: operations["reservations_release"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reservations/{ref}/renew": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Renews the lease. */
        post: operations["reservations_renew"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reservations/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Which reservations touch these paths. Changes nothing. */
        post: operations["reservations_check"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Finds tasks, klusters, docs and artifacts by words and meaning, best first; events of the ledger by what they say, newest first. */
        get: operations["search_search"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists agent sessions, or streams their changes. */
        get: operations["sessions_list"];
        put?: never;
        /** Creates an agent session. */
        post: operations["sessions_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One agent session by id. */
        get: operations["sessions_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{ref}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Cancels the running turn, or without one the newest prompt that waits. */
        post: operations["sessions_cancel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{ref}/conversation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A conversation, its events folded into items: the end of it, and from there page by page to the beginning. */
        get: operations["sessions_conversation"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{ref}/decide": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Decides for an agent session whose agent forgot the conversation. */
        post: operations["sessions_decide"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{ref}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The events of an agent session by position: a page (`next_cursor` is its next `from`), or a stream. */
        get: operations["sessions_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{ref}/mode": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Lets the agent work in another mode that it offers; the session shows it when the agent has taken it. */
        put: operations["sessions_set_mode"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{ref}/prompt": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Prompts an agent session; the turn is followed by its id. */
        post: operations["sessions_prompt"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{ref}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Stops an agent session for good. */
        post: operations["sessions_stop"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{ref}/turns": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the turns of an agent session. */
        get: operations["sessions_turns_of"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/skills": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists versions of skill bundles. */
        get: operations["skills_list"];
        put?: never;
        /** Stores an archive (tar, also gzipped, at most 24 MiB as sent, 16 MiB of files) as the next version of a bundle: a draft. */
        post: operations["skills_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/skills/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One version by id, or by `m3` or `k2` with mission and kluster. */
        get: operations["skills_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/skills/{ref}/content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The archive of a version, as tar. `x-bundle-version` says which it is, the entity tag is its digest. */
        get: operations["skills_content"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/skills/{ref}/deprecate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Takes a version out of use: the newest one that is still published holds again. */
        post: operations["skills_deprecate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/skills/{ref}/manifest": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What is in a version: paths, sizes, digests. */
        get: operations["skills_manifest"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/skills/{ref}/publish": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Publishes a version: it holds while no newer one is published. */
        post: operations["skills_publish"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/skills/effective": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What holds in a kluster: the mission's newest published version under the kluster's, signed. */
        get: operations["skills_get_effective"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/skills/effective/content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The archive of what holds, as tar; the same bundles give the same bytes. */
        get: operations["skills_effective_content"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/skills/promote": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes what was changed in a copy of the skills the next version of a bundle: a draft. */
        post: operations["skills_promote_copy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/skills/sync": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who has which skills, and what was changed in them. */
        get: operations["skills_list_sync"];
        put?: never;
        /** Says which skills the caller has somewhere, and what was changed in them since. */
        post: operations["skills_report"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system/broker-config": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The configuration of an MQTT broker that runs elsewhere, with a certificate for its key. That it was made is in the ledger. */
        post: operations["system_broker_config"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system/doctor": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Checks what an operator would check, as the caller. */
        get: operations["system_doctor"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system/doctor/objects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Compares stored contents with what names them, part by part, and with `fix` mends what can be mended. */
        post: operations["system_check_objects"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system/embeddings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How texts get their vectors, and how far that is. */
        get: operations["system_status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system/schema": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The version of the database's schema, and the one that this program brings it to. */
        get: operations["system_schema"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system/support": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What somebody else needs to look into a problem, without secrets. That it was taken is in the ledger. */
        get: operations["system_support"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/task-counts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How many tasks are in which state, by mission or kluster. */
        get: operations["tasks_counts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists tasks, or streams their changes. */
        get: operations["tasks_list"];
        put?: never;
        /** Creates a task. */
        post: operations["tasks_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One task by id, key, or name with mission and kluster. */
        get: operations["tasks_get"];
        put?: never;
        post?: never;
        /** Deletes a task that nobody works on or waits for. */
        delete: operations["tasks_delete"];
        options?: never;
        head?: never;
        /** Changes a task (JSON Merge Patch). */
        patch: operations["tasks_update"];
        trace?: never;
    };
    "/api/v1/tasks/{ref}/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Passes one review gate. */
        post: operations["tasks_accept"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{ref}/block": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Holds the task until it is unblocked. */
        post: operations["tasks_block"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{ref}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Calls the task off. */
        post: operations["tasks_cancel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{ref}/claim": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Claims this task. */
        post: operations["tasks_claim"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{ref}/complete": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Completes the task. */
        post: operations["tasks_complete"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{ref}/fail": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Gives the task up. */
        post: operations["tasks_fail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{ref}/heartbeat": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Renews the lease. */
        post: operations["tasks_heartbeat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{ref}/progress": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Reports progress and renews the lease. */
        post: operations["tasks_progress"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{ref}/reject": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sends a task in review back. */
        post: operations["tasks_reject"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{ref}/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Gives the claim back. */
        post: operations["tasks_release"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{ref}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tries a failed task again. */
        post: operations["tasks_retry"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{ref}/unblock": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Lets a blocked task go on. */
        post: operations["tasks_unblock"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{ref}/why": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Why a task is not running: every cause with the object in the way and the command that takes it away. */
        get: operations["tasks_why"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/claim": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Claims the best ready task that matches: highest priority, then oldest. */
        post: operations["tasks_claim_next"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Imports tasks by their ids elsewhere: run twice, it makes nothing twice. The answer says what became of each row. */
        post: operations["tasks_import_tasks"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/templates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists task templates with their newest versions. */
        get: operations["templates_list_templates"];
        put?: never;
        /** Creates a task template with its first version. */
        post: operations["templates_create_template"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/templates/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One template by id, or by name with `mission`. */
        get: operations["templates_get_template"];
        put?: never;
        post?: never;
        /** Deletes a template; the tasks it made stay. */
        delete: operations["templates_delete_template"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/templates/{ref}/tasks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Creates a task of a template. */
        post: operations["templates_create_task_of_template"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/templates/{ref}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The versions of a template, ascending. */
        get: operations["templates_list_template_versions"];
        put?: never;
        /** Writes the next version of a template. */
        post: operations["templates_put_template_version"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/turns": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists turns. */
        get: operations["sessions_turns"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/turns/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One turn by id. */
        get: operations["sessions_turn"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/turns/{ref}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Takes a prompt back that waits. It may show `queued` until its node has answered. */
        post: operations["sessions_cancel_turn"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/watch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Streams several lists: their snapshots, then their changes. */
        get: operations["system_watch"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Loads a kluster under a lease: docs, artifacts, tasks, both keystones, and an index of paths. */
        post: operations["workspaces_load"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The lease of a workspace. */
        get: operations["workspaces_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{ref}/commit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Commits a change set (at most 32 MiB of JSON): all of it, or nothing and the list of what does not fit. */
        post: operations["workspaces_commit"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{ref}/content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A path in the version that was loaded, with its content. */
        get: operations["workspaces_content"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{ref}/heartbeat": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Renews the lease. */
        post: operations["workspaces_heartbeat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workspaces/{ref}/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Gives the workspace back. */
        post: operations["workspaces_release"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The process lives (the name the seeds give). */
        get: operations["system_health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The process lives. */
        get: operations["system_healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/mcp/call": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Calls a tool: the operation it stands for, with the same rights, ids and problems. */
        post: operations["tools_call"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/mcp/tools": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the tools, with the schema of their arguments. */
        get: operations["tools_tools"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Prometheus metrics: on loopback, or with a token. */
        get: operations["system_metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/persistence/bindings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists bindings. */
        get: operations["persistence_plain_bindings"];
        put?: never;
        /** Binds a mission to a branch of a repository. */
        post: operations["persistence_plain_create_binding"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/persistence/connections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists connections. */
        get: operations["persistence_plain_connections"];
        put?: never;
        /** Makes a connection. */
        post: operations["persistence_plain_create_connection"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether requests will be served: 200, or 503 with what is not well. */
        get: operations["system_readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/versionz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The version. */
        get: operations["system_versionz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * @description Acts on a suggestion (`POST /api/v1/overlaps/{ref}/accept`).
         *
         *     `link` says that both belong together; `wait` makes the subject depend on the candidate; `merge` cancels the subject in
         *     favour of the candidate. Docs and artifacts do not wait, and merging them is recorded only: no text is deleted.
         */
        AcceptOverlap: {
            as?: components["schemas"]["OverlapAction"] | null;
            /** @description At most 2000 characters. */
            note?: string | null;
        };
        /** @description An agent session. */
        AgentSession: {
            /**
             * Format: int64
             * @description The process of the agent on its node, while it lives.
             */
            agent_pid?: number | null;
            /** @description The agent's own session id. */
            agent_session?: string | null;
            /**
             * Format: int64
             * @description The attempt of the claim it holds on the task: its fence.
             */
            attempt?: number | null;
            /** @description When it was created. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Who created it. */
            created_by: components["schemas"]["PrincipalId"];
            /** @description Working directory on the node; empty: a folder of the session's own. */
            cwd: string;
            /**
             * Format: int64
             * @description Number of agent processes so far.
             */
            epoch: number;
            /** @description The id. */
            id: components["schemas"]["SessionId"];
            /** @description Whether the node's lease holds; when not, `state` is the last known one. */
            is_node_reachable: boolean;
            /** @description Always `session`. */
            kind?: string;
            /** @description Labels. */
            labels: components["schemas"]["Labels"];
            /**
             * Format: int64
             * @description The newest event that is stored; 0: none.
             */
            last_seq: number;
            /** @description The mission's name. */
            mission: components["schemas"]["Name"];
            /** @description The mission it belongs to. */
            mission_id: components["schemas"]["MissionId"];
            /** @description The mode that the agent works in, when it has modes. */
            mode?: string | null;
            /** @description The modes that it offers. */
            modes?: components["schemas"]["SessionMode"][];
            /** @description The node's name. */
            node?: string | null;
            node_id?: components["schemas"]["NodeId"] | null;
            /** @description The principal that the agent acts as. */
            principal_id: components["schemas"]["PrincipalId"];
            /** @description Why, when the state alone does not say it. */
            reason?: string | null;
            /** @description The runtime. */
            runtime: string;
            /** @description The state, as last reported. */
            state: components["schemas"]["SessionState"];
            /** @description The task's key. */
            task?: string | null;
            task_id?: components["schemas"]["TaskId"] | null;
            turn_id?: components["schemas"]["TurnId"] | null;
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Optimistic lock; also the `ETag`.
             */
            version: number;
        };
        /** @description One document that was applied. */
        Applied: {
            /** @description The object after. */
            after: components["schemas"]["Manifest"];
            before?: components["schemas"]["Manifest"] | null;
            /** @description The object's id; of a dry run that creates it, one that nothing will have. */
            id: string;
            /** @description The key of a task. */
            key?: string | null;
            /** @description `mission`, `kluster`, `task` or `doc`. */
            kind: string;
            /** @description The object's name. */
            name: components["schemas"]["Name"];
            /** @description Existing work that a created or reworded task or doc overlaps. */
            overlap_suggestions?: components["schemas"]["OverlapSuggestion"][];
            /** @description What became of it. */
            result: components["schemas"]["ApplyResult"];
        };
        /** @description Applies manifests (`POST /api/v1/apply`): all of them, or none. */
        Apply: {
            /** @description Keys, names or ids of overlapping tasks and docs that the caller has seen and takes into account; at most 64. */
            acknowledge_overlap?: string[];
            /** @description Missions, klusters, tasks and docs; a task after those of the request that it depends on. */
            documents: components["schemas"]["Manifest"][];
            /** @description Do all of it, authorization and detection of overlaps too, and keep nothing. */
            dry_run?: boolean;
            /**
             * @description Who owns the fields that are written here, 1 to 64 of letters, digits, `-`, `_`, `.`, `/`. Without it nobody does:
             *     what is written is changed, and nothing is taken away.
             */
            field_manager?: string | null;
            /** @description Take fields over that others own and that have another value. */
            force_conflicts?: boolean;
        };
        /** @description What applying did, in the order of the documents. */
        ApplyAnswer: {
            /** @description Whether nothing was kept. */
            dry_run: boolean;
            /** @description One per document. */
            items: components["schemas"]["Applied"][];
        };
        /** @enum {string} */
        ApplyResult: "created" | "configured" | "unchanged" | "skipped" | "failed";
        /** @description An approval. */
        Approval: {
            /** @description The exact action, canonical JSON (RFC 8785): what is approved is this text and nothing else. */
            action: string;
            /** @description SHA-256 of `action`, lowercase hex. */
            action_sha256: string;
            /** @description What is decided. */
            approval_kind: components["schemas"]["ApprovalKind"];
            /** @description When it was asked. */
            created_at: components["schemas"]["Timestamp"];
            decided_at?: components["schemas"]["Timestamp"] | null;
            /** @description The decider's name. */
            decider?: string | null;
            decider_id?: components["schemas"]["PrincipalId"] | null;
            /** @description Who carries it out. */
            execute: components["schemas"]["Execute"];
            /** @description After this it can be neither decided nor used. */
            expires_at: components["schemas"]["Timestamp"];
            /** @description The id. */
            id: components["schemas"]["ApprovalId"];
            /** @description Always `approval`. */
            kind?: string;
            /** @description The mission's name. */
            mission: components["schemas"]["Name"];
            /** @description The mission it belongs to. */
            mission_id: components["schemas"]["MissionId"];
            /** @description The decider's words. */
            note?: string | null;
            /** @description What came of it, such as the commit that a publication made. */
            outcome?: string | null;
            /** @description The requester's name. */
            requester: string;
            /** @description Who asks. */
            requester_id: components["schemas"]["PrincipalId"];
            review?: components["schemas"]["ApprovalReview"] | null;
            /** @description Requester and decider are one person (allowed only in profile `development`). */
            self_approved: boolean;
            /** @description The state. */
            state: components["schemas"]["ApprovalState"];
            /** @description One line for people. */
            title: string;
            /** @description The token: only for the requester, only when `execute` is `by_requester` and the state is `approved`. */
            token?: string | null;
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Optimistic lock; also the `ETag`.
             */
            version: number;
        };
        /** @enum {string} */
        ApprovalDecision: "approve" | "reject";
        ApprovalId: string;
        /** @enum {string} */
        ApprovalKind: "publish" | "agent_permission";
        /** @description What a decider needs beside the action. */
        ApprovalReview: {
            /** @description People who may decide, by name, at most 20. */
            deciders: components["schemas"]["DeciderName"][];
            /** @description The least role that decides. */
            least_role: components["schemas"]["Role"];
            /** @description Whether the caller may decide it now. */
            may_decide: boolean;
            /** @description Whether there are more of them. */
            more_deciders: boolean;
            /** @description The rule that asks for a decision, and who may decide. */
            policy: string;
            /** @description How grave it is. */
            risk: components["schemas"]["Risk"];
            /** @description Why it counts as that. */
            risk_reason: string;
            /** @description Whether the requester may decide, when a person. */
            self_approval: boolean;
            /** @description Why not. */
            why_not?: string | null;
        };
        /** @enum {string} */
        ApprovalState: "open" | "approved" | "rejected" | "expired" | "voided" | "executed";
        /** @description An artifact's metadata; the bytes are at `/api/v1/artifacts/{ref}/content`. */
        Artifact: {
            /** @description When it was stored. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Who stored it. */
            created_by: components["schemas"]["PrincipalId"];
            /** @description The id. */
            id: components["schemas"]["ArtifactId"];
            /** @description Always `artifact`. */
            kind?: string;
            kluster_id?: components["schemas"]["KlusterId"] | null;
            /** @description For selection. */
            labels: components["schemas"]["Labels"];
            /** @description RFC 2046 media type. */
            media_type: string;
            /** @description The mission's name. */
            mission: components["schemas"]["Name"];
            /** @description The mission it belongs to. */
            mission_id: components["schemas"]["MissionId"];
            /** @description File name for people, 1 to 255 characters, no `/` and no control characters; need not be unique. */
            name: string;
            /** @description SHA-256 of the bytes, lowercase hex. */
            sha256: string;
            /**
             * Format: int64
             * @description Number of bytes.
             */
            size_bytes: number;
            task_id?: components["schemas"]["TaskId"] | null;
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Optimistic lock; also the `ETag`.
             */
            version: number;
        };
        /** @description An artifact as storing it answers: with what it overlaps. */
        ArtifactAnswer: components["schemas"]["Artifact"] & {
            /** @description `true`: the vector of the text is still to come, and with it perhaps more suggestions. */
            overlap_pending?: boolean;
            /** @description Existing texts that it overlaps, the best first. */
            overlap_suggestions?: components["schemas"]["OverlapSuggestion"][];
        };
        /** @description An artifact with its bytes: exactly one of `text` (when they are UTF-8) and `content_base64`. */
        ArtifactContent: {
            /** @description The metadata. */
            artifact: components["schemas"]["Artifact"];
            /** @description The content in standard Base64. */
            content_base64?: string | null;
            /** @description The content as text. */
            text?: string | null;
        };
        ArtifactId: string;
        BatchId: string;
        /** @description A binding: a mission publishes to this branch of this repository. */
        Binding: {
            /** @description The folder in the repository that everything is below; empty: the top. */
            base_path: string;
            /** @description The branch. */
            branch: string;
            /** @description The connection's name. */
            connection: components["schemas"]["Name"];
            /** @description The connection. */
            connection_id: components["schemas"]["ConnectionId"];
            /** @description When it was created. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Who created it. */
            created_by: components["schemas"]["PrincipalId"];
            /** @description The id. */
            id: components["schemas"]["BindingId"];
            /** @description Always `binding`. */
            kind?: string;
            /** @description The mission's name. */
            mission: components["schemas"]["Name"];
            /** @description The mission. */
            mission_id: components["schemas"]["MissionId"];
            /** @description Unique in the mission. */
            name: components["schemas"]["Name"];
            /** @description The repository below the connection's URL. */
            repository: string;
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Optimistic lock; also the `ETag`. A binding never changes: what was approved for it goes nowhere else.
             */
            version: number;
        };
        BindingId: string;
        /** @description The configuration of a broker, without its private key, which belongs into `server.key` beside these files. */
        BrokerConfig: {
            /** @description Until when its own certificate is good. */
            certificate_until: components["schemas"]["Timestamp"];
            /** @description The files. */
            files: components["schemas"]["BrokerFile"][];
            /** @description Always `broker_config`. */
            kind: string;
            /** @description Until when its list of revoked certificates is good. After that it refuses every node. */
            revocations_until: components["schemas"]["Timestamp"];
            /**
             * Format: int32
             * @description Nodes whose certificates it refuses, because they were revoked and the certificates have not ended by themselves.
             */
            revoked_nodes: number;
        };
        /** @description A file of the configuration. */
        BrokerFile: {
            /** @description Its name in the folder. */
            name: string;
            /** @description What is in it; begins with the line that says who made it. */
            text: string;
        };
        /** @enum {string} */
        BrokerFormat: "mosquitto";
        /** @description A file of a bundle. */
        BundleFile: {
            /** @description Whether it may be run. */
            executable: boolean;
            /** @description Relative, parts separated by `/`. */
            path: string;
            /** @description SHA-256 of the bytes, lowercase hex. */
            sha256: string;
            /**
             * Format: int64
             * @description Number of bytes.
             */
            size_bytes: number;
        };
        /** @description Calls a tool (`POST /mcp/call`). */
        CallTool: {
            /** @description Its arguments; `args` is understood too. */
            arguments?: Record<string, unknown>;
            /** @description The tool's name. */
            tool: string;
        };
        /** @description One cause. */
        Cause: {
            /** @description Which rule. */
            code: components["schemas"]["WhyCode"];
            /** @description The `mc` command that takes it away, when one does. */
            fix?: string | null;
            /** @description What it keeps from happening. */
            hinders: components["schemas"]["Hinders"];
            object?: components["schemas"]["WhyObject"] | null;
            root?: components["schemas"]["WhyObject"] | null;
            /** @description One sentence for people. */
            sentence: string;
        };
        /** @description One change of a change set. */
        Change: {
            /**
             * Format: int64
             * @description The version that it was made of; absent: the one of the workspace's index.
             */
            base_version?: number | null;
            /** @description The new content in standard Base64 (artifacts). */
            content_base64?: string | null;
            /** @description The media type of a new doc or an artifact. */
            media_type?: string | null;
            /** @description What is done with it. */
            op: components["schemas"]["ChangeOp"];
            /** @description `docs/<name>.md`, `keystones/north-star.md`, `keystones/workstream.md` or `artifacts/<name>`. */
            path: string;
            /** @description The new content, when it is text. */
            text?: string | null;
            /** @description A doc's title; absent keeps, or for a new doc: its name. */
            title?: string | null;
        };
        /** @enum {string} */
        ChangeOp: "create" | "update" | "delete";
        /** @description One check of `GET /readyz` and `GET /api/v1/system/doctor`. */
        Check: {
            /** @description What was found, and the fix when it is not well. */
            detail: string;
            /** @description What was checked. */
            name: string;
            /** @description Whether it is well. */
            ok: boolean;
        };
        /** @description What is to be compared (`POST /api/v1/system/doctor/objects`). */
        CheckObjects: {
            /**
             * @description `next_cursor` of the part before; absent: from the beginning.
             * @default null
             */
            cursor: string | null;
            /**
             * @description Read all bytes and compare their digests.
             * @default false
             */
            deep: boolean;
            /**
             * @description Mend what can be mended.
             * @default false
             */
            fix: boolean;
        };
        /** @description What creating a task, a doc or an artifact would overlap (`POST /api/v1/overlap/check`); nothing is changed. */
        CheckOverlap: {
            /** @description Markdown; of a doc or artifact its text. */
            description?: string;
            kind?: components["schemas"]["OverlapKind"] | null;
            /** @description Kluster id or name; a task needs one, a text without one is directly in the mission. */
            kluster?: string | null;
            /**
             * Format: int32
             * @description At most this many suggestions, 1 to 20; default 5.
             */
            limit?: number | null;
            /** @description Mission id or name. */
            mission: string;
            /** @description Globs, at most 64. */
            paths?: string[];
            /** @description One line; of an artifact its name. */
            title: string;
        };
        /** @description Asks which reservations touch paths (`POST /api/v1/reservations/check`); changes nothing. */
        CheckPaths: {
            /** @description Up to 32 globs. */
            globs?: string[];
            /** @description Up to 1000 paths, as Git prints them with `-z`. */
            paths?: string[];
            /** @description The remote, or the absolute path of a local repository. */
            repository: string;
            /** @description Task id or key in whose name is asked: its reservations are one's own. Absent: that of the grant. */
            task?: string | null;
        };
        /** @description A claim: one attempt at a task, with a lease. */
        Claim: {
            /**
             * Format: int32
             * @description The fencing token: must be presented with heartbeat, progress, complete, fail, release.
             */
            attempt: number;
            /** @description When it was claimed. */
            claimed_at: components["schemas"]["Timestamp"];
            /** @description Until when the lease runs unless renewed. */
            lease_until: components["schemas"]["Timestamp"];
            /** @description The holder's name. */
            principal: string;
            /** @description Who holds it. */
            principal_id: components["schemas"]["PrincipalId"];
            /** @description The state of the claim. */
            state: components["schemas"]["ClaimState"];
        };
        /** @description Claims the best ready task that matches (`POST /api/v1/tasks/claim`): highest priority, then oldest. */
        ClaimNextTask: {
            /** @description What the claimant is capable of; tasks that need more are passed over. */
            capabilities?: string[];
            /** @description Only of this kluster (id or name; a name needs the mission). */
            kluster?: string | null;
            /** @description Only tasks with these labels: `key=value` or `key`, separated by commas. */
            labels?: string | null;
            /**
             * Format: int32
             * @description Length of the lease, 5 to 3600; default 60.
             */
            lease_seconds?: number | null;
            /** @description Only of this mission (id or name). */
            mission?: string | null;
            /** @description Only tasks that name (or inherit) one of these runtimes; absent means any. */
            runtimes?: components["schemas"]["Name"][] | null;
        };
        /** @enum {string} */
        ClaimState: "active" | "expired" | "released" | "ended" | "superseded";
        /** @description Claims one named task (`POST /api/v1/tasks/{ref}/claim`). */
        ClaimTask: {
            /**
             * Format: int32
             * @description Length of the lease, 5 to 3600; default 60.
             */
            lease_seconds?: number | null;
        };
        /** @description What a commit did. */
        CommittedWorkspace: {
            /** @description The paths that were deleted. */
            deleted: string[];
            /** @description Each path as it is now; a deleted one is not listed. */
            index: components["schemas"]["IndexEntry"][];
            /** @description Existing texts that what was written overlaps. */
            overlap_suggestions?: components["schemas"]["OverlapSuggestion"][];
            /** @description The lease. */
            workspace: components["schemas"]["Workspace"];
        };
        /** @description Commits a change set: all of it, or nothing. */
        CommitWorkspace: {
            /** @description Overlapping texts that the caller has seen and takes into account: ids or names, at most 64. */
            acknowledge_overlap?: string[];
            /** @description 1 to 500 changes, each path once; `change_set` is understood too. */
            changes: components["schemas"]["Change"][];
            /** @description The same key again gives the same answer and changes nothing; the header `Idempotency-Key` wins. */
            key?: string | null;
            /** @description Why; the note of every version that is written. */
            note?: string;
        };
        /** @description Completes the task (`POST …/complete`). */
        CompleteTask: {
            artifact?: components["schemas"]["ArtifactId"] | null;
            /**
             * Format: int32
             * @description The fencing token; may be absent when the caller's grant is for this task.
             */
            attempt?: number | null;
            /** @description The result in words, at most 64 KiB. */
            result?: string | null;
        };
        /** @description One change that does not fit, with both sides. */
        Conflict: {
            /** @description Its SHA-256. */
            current_sha256?: string | null;
            /**
             * Format: int64
             * @description The version that is there.
             */
            current_version?: number | null;
            /** @description Its SHA-256. */
            expected_sha256?: string | null;
            /**
             * Format: int64
             * @description The version that the change was made of.
             */
            expected_version?: number | null;
            /** @description The path in a workspace, or the name of a doc. */
            path: string;
            /** @description Why. */
            reason: components["schemas"]["ConflictReason"];
        };
        /** @enum {string} */
        ConflictReason: "base_mismatch" | "missing_entity" | "already_exists" | "readonly" | "unsupported_kind";
        /** @description A connection: where repositories are, and what opens them. The credential is sealed and never shown. */
        Connection: {
            /** @description Certificates in PEM that the server's must be signed by, instead of the system's. */
            ca_certificate?: string | null;
            /** @description How repositories are reached. */
            connection_kind: components["schemas"]["ConnectionKind"];
            /** @description When it was created. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Who created it. */
            created_by: components["schemas"]["PrincipalId"];
            /** @description What it proves itself with. */
            credential_kind: components["schemas"]["CredentialKind"];
            /** @description The host key that is trusted, as `type base64`. */
            host_key?: string | null;
            /** @description Its fingerprint, `SHA256:…`. */
            host_key_sha256?: string | null;
            /** @description The id. */
            id: components["schemas"]["ConnectionId"];
            /** @description Always `connection`. */
            kind?: string;
            /** @description For selection. */
            labels: components["schemas"]["Labels"];
            /** @description Unique in the organization. */
            name: components["schemas"]["Name"];
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * @description What stands before the repository: an absolute folder, `https://host/path`, `ssh://host:port/path`. Never changes:
             *     a credential is not sent to another place than it was given for.
             */
            url: string;
            /** @description The user, for passwords, tokens and SSH. */
            username?: string | null;
            /**
             * Format: int64
             * @description Optimistic lock; also the `ETag`.
             */
            version: number;
        };
        ConnectionId: string;
        /** @enum {string} */
        ConnectionKind: "local" | "https" | "ssh";
        /** @description What a test found. */
        ConnectionTest: {
            /** @description Where the branch is. */
            head?: string | null;
            /** @description Fingerprints of the host keys that the host presents, when none is trusted yet. */
            host_keys_sha256: string[];
            /** @description Always `connection_test`. */
            kind: string;
            /** @description For people. */
            message: string;
            /** @description Reading works, and a push would be taken. */
            ok: boolean;
            /** @description The branch can be read, or is absent from a repository that can. */
            readable: boolean;
            /** @description A push would be taken; nothing was pushed. */
            writable: boolean;
        };
        /** @description What names stored bytes. */
        ContentName: {
            /** @description Its id. */
            id: string;
            /** @description `artifact`, `doc`, `skill` or `profile`. */
            kind: string;
            /** @description Its name; with the version for what has versions. */
            name: string;
        };
        /** @description A page of a conversation (`GET /api/v1/sessions/{ref}/conversation`), oldest first. */
        Conversation: {
            /** @description The items, at most as many as asked for and parts of earlier ones. */
            items: components["schemas"]["ConversationItem"][];
            /** @description Always `conversation`. */
            kind?: string;
            /** @description The mode that the agent works in. */
            mode?: string | null;
            /** @description Given back as `cursor` reads the page before this one; absent at the beginning. */
            next_cursor?: string | null;
            /**
             * Format: int64
             * @description The newest event of this page; 0: none. New ones follow from `seq` + 1.
             */
            seq: number;
            /** @description The agent session. */
            session_id: components["schemas"]["SessionId"];
            /** @description The agent's name for the conversation, as far as this page tells. */
            title?: string | null;
            /** @description What was used, as the agent last said in this page. */
            usage?: Record<string, unknown> | null;
        };
        /** @description An item of a conversation. Which fields are there depends on the kind. */
        ConversationItem: {
            /** @description When it began. */
            at: components["schemas"]["Timestamp"];
            /** @description More about a mark or the end of a turn. */
            detail?: Record<string, unknown> | null;
            /** @description The entries of the plan: `[{content, priority, status}]`. */
            entries?: Record<string, unknown>[] | null;
            /** @description Something of it is longer than 64 KiB and was left out; the events have all of it. */
            is_cut: boolean;
            /**
             * @description Its beginning is in the page before: of words the text goes in front, of a tool call or permission it is the item
             *     with the same id.
             */
            is_partial: boolean;
            /** @description What it is. */
            kind: components["schemas"]["ItemKind"];
            /** @description When it last changed. */
            last_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Its last event in this page.
             */
            last_seq: number;
            /** @description `interrupted`, `gap`, `context_lost`, `state`, `agent` (a new agent process), `mode_refused`. */
            mark?: string | null;
            /** @description How the turn ended. */
            outcome?: string | null;
            permission?: components["schemas"]["ItemPermission"] | null;
            /**
             * Format: int64
             * @description Its first event; the id of the item in its session.
             */
            seq: number;
            /** @description The words: `prompt`, `message`, `thought`, `stderr`. */
            text?: string | null;
            /**
             * @description The fields of the call, of each the newest: `toolCallId`, `title`, `kind`, `status`, `rawInput`, `rawOutput`,
             *     `content`, `locations`.
             */
            tool_call?: Record<string, unknown> | null;
            /** @description The command that brought the prompt; that of a turn is the turn's id: `prompt`, `turn_end`. */
            turn?: string | null;
        };
        /** @description Makes a login session that a browser keeps as a cookie (`POST /api/v1/auth/cookie`) with the bearer token presented. */
        CookieLogin: {
            /**
             * Format: int32
             * @description Lifetime in seconds, 60 to 2 592 000; default 43 200 (12 h).
             */
            ttl_seconds?: number | null;
        };
        /** @description Binds a mission to a repository (`POST /api/v1/bindings`). */
        CreateBinding: {
            /** @description Default `missions/<mission>`. */
            base_path?: string | null;
            /** @description Default `main`. */
            branch?: string | null;
            /** @description Connection id or name. */
            connection: string;
            /** @description Mission id or name. */
            mission: string;
            /** @description Unique in the mission. */
            name: components["schemas"]["Name"];
            /** @description The repository below the connection's URL, such as `team/ledger.git`. */
            repository: string;
        };
        /** @description What a broker is configured for (`POST /api/v1/system/broker-config`). */
        CreateBrokerConfig: {
            /** @description Folder of its files on its machine, absolute. */
            dir: string;
            /** @description Which broker. */
            format: components["schemas"]["BrokerFormat"];
            /** @description Where it listens, as `IP:PORT`. */
            listen: string;
            /** @description Names and addresses by which control planes and nodes reach it, without port: 1 to 32. */
            names: string[];
            /** @description Its public key, Ed25519, as 64 hexadecimal digits. The private key stays with whoever asks. */
            public_key: string;
        };
        /** @description Makes a connection (`POST /api/v1/connections`). */
        CreateConnection: {
            /** @description PEM, for `https`. */
            ca_certificate?: string | null;
            /** @description How repositories are reached. */
            connection_kind: components["schemas"]["ConnectionKind"];
            credential?: components["schemas"]["Credential"] | null;
            /** @description `type base64`, for `ssh`; or accept a fingerprint in a test. */
            host_key?: string | null;
            /** @description For selection. */
            labels?: components["schemas"]["Labels"];
            /** @description Unique in the organization. */
            name: components["schemas"]["Name"];
            /** @description What stands before the repository; without user, password, query and fragment. */
            url: string;
            /** @description The user. */
            username?: string | null;
        };
        /** @description Creates a doc with its first version. */
        CreateDoc: {
            /** @description Overlapping texts that the caller has seen and takes into account: ids or names, at most 64. */
            acknowledge_overlap?: string[];
            /** @description For people and tools. */
            annotations?: components["schemas"]["Labels"];
            /** @description The text of version 1, at most 1 MiB of UTF-8. */
            content: string;
            /** @description Kluster id or name; absent: directly in the mission. */
            kluster?: string | null;
            /** @description For selection. */
            labels?: components["schemas"]["Labels"];
            /** @description RFC 2046 media type of a text; default `text/markdown`. */
            media_type?: string | null;
            /** @description Mission id or name. */
            mission: string;
            /** @description Unique in its parent. `north-star` (directly in a mission) and `workstream` (in a kluster) are the keystones. */
            name: components["schemas"]["Name"];
            /** @description Why it was written. */
            note?: string;
            /** @description One line of 1 to 300 characters; default: the name. */
            title?: string | null;
        };
        /** @description Creates a task of a template (`POST /api/v1/templates/{ref}/tasks`). */
        CreateFromTemplate: {
            /** @description Keys or ids of overlapping tasks that the caller has seen and takes into account; at most 64. */
            acknowledge_overlap?: string[];
            /** @description Beside those of the template. */
            depends_on?: string[];
            /** @description Kluster of the template's mission, by id or name. */
            kluster: string;
            /** @description Beside those of the template; the same key replaces. */
            labels?: components["schemas"]["Labels"];
            name?: components["schemas"]["Name"] | null;
            /**
             * Format: int64
             * @description The version to use; default: the newest.
             */
            number?: number | null;
            /** @description Values by the names of parameters. */
            parameters?: {
                [key: string]: string;
            };
            /**
             * Format: int32
             * @description Instead of the template's priority.
             */
            priority?: number | null;
            runtime?: components["schemas"]["Name"] | null;
            /** @description Instead of the template's title. */
            title?: string | null;
        };
        /** @description Makes a grant for an agent (`POST /api/v1/auth/grants`). A grant itself makes none. */
        CreateGrant: {
            /** @description Only in this mission (id or name). */
            mission?: string | null;
            principal?: components["schemas"]["Name"] | null;
            /** @description For this task (id or key), which the agent has claimed: its reports then need no attempt. */
            task?: string | null;
            /**
             * Format: int32
             * @description Lifetime in seconds, 60 to 43 200; default 900.
             */
            ttl_seconds?: number | null;
        };
        /** @description Makes a join token (`POST /api/v1/join-tokens`). */
        CreateJoinToken: {
            node_name?: components["schemas"]["Name"] | null;
            /**
             * Format: int32
             * @description Lifetime in seconds, 60 to 86 400; default 900.
             */
            ttl_seconds?: number | null;
            /**
             * Format: int32
             * @description How many nodes may join with it, 1 to 100; default 1. A named token joins one.
             */
            uses?: number | null;
        };
        /** @description Creates a kluster. */
        CreateKluster: {
            /** @description For people and tools. */
            annotations?: components["schemas"]["Labels"];
            /** @description Markdown, at most 64 KiB. */
            description?: string;
            /** @description For selection. */
            labels?: components["schemas"]["Labels"];
            /**
             * Format: int32
             * @description At most so many of its tasks are claimed or running at once, 1 to 10000; absent for no limit.
             */
            max_running?: number | null;
            /** @description Mission id or name. */
            mission: string;
            /** @description Unique in the mission. */
            name: components["schemas"]["Name"];
            runtime?: components["schemas"]["Name"] | null;
        };
        /** @description Creates a mission. */
        CreateMission: {
            /** @description For people and tools. */
            annotations?: components["schemas"]["Labels"];
            /** @description Markdown, at most 64 KiB. */
            description?: string;
            /** @description For selection. */
            labels?: components["schemas"]["Labels"];
            /** @description Unique in the organization. */
            name: components["schemas"]["Name"];
        };
        /** @description Creates a principal (`POST /api/v1/principals`). */
        CreatePrincipal: {
            /** @description Unique in the organization. */
            name: components["schemas"]["Name"];
            /** @description `user`, `agent` or `service_account`. */
            principal_kind: components["schemas"]["PrincipalKind"];
            role?: components["schemas"]["Role"] | null;
        };
        /** @description Asks for a publication (`POST /api/v1/publications`): makes the batch and its approval in one transaction. */
        CreatePublication: {
            /** @description The artifacts to publish, all of this mission. */
            artifacts?: components["schemas"]["ArtifactId"][];
            /** @description What else to publish; with the artifacts 1 to 256, all of this mission and all for the same binding. */
            entities?: components["schemas"]["EntityRef"][];
            /** @description First line of the commit message, at most 200 characters. */
            message?: string | null;
            /** @description Mission id or name. */
            mission: string;
        };
        /** @description Asks for a reservation (`POST /api/v1/reservations`). */
        CreateReservation: {
            /** @description 1 to 32 globs: `*`, `**`, `?`, `[a-z]`, `{a,b}`; anchored at the root of the repository. */
            globs: string[];
            /** @description Mission id or name; absent: that of the task, the agent session or the grant. */
            mission?: string | null;
            /** @description Whom it tolerates. */
            mode?: components["schemas"]["ReservationMode"];
            /** @description What happens when it cannot be had at once. */
            on_conflict?: components["schemas"]["OnConflict"];
            /** @description What for, at most 500 characters. */
            reason?: string | null;
            /** @description The remote, such as `https://host/x/y.git` or `git@host:x/y`, or the absolute path of a local repository. */
            repository: string;
            /** @description Agent session id; absent: that of the grant. */
            session?: string | null;
            /** @description Task id or key; absent: that of the grant. */
            task?: string | null;
            /**
             * Format: int32
             * @description The length of the lease, 60 to 86 400 seconds; default 900.
             */
            ttl_seconds?: number | null;
        };
        /** @description Creates an agent session (`POST /api/v1/sessions`). */
        CreateSession: {
            /** @description Absolute working directory on the node; absent: a folder of the session's own. */
            cwd?: string | null;
            /** @description Labels. */
            labels?: components["schemas"]["Labels"];
            /** @description The mission: id or name. */
            mission: string;
            /** @description The node (id or name); absent: one that has the runtime and room. */
            node?: string | null;
            /** @description The runtime; may be absent when the task or its kluster names one. */
            runtime?: string | null;
            /** @description A ready task (id or key) to claim for the agent; it becomes the first prompt. */
            task?: string | null;
        };
        /** @description Creates a task. Texts: title at most 300 characters, description and definition of done at most 64 KiB each. */
        CreateTask: {
            /** @description Keys or ids of overlapping tasks that the caller has seen and takes into account; at most 64. */
            acknowledge_overlap?: string[];
            /** @description For people and tools. */
            annotations?: components["schemas"]["Labels"];
            /** @description At most 32. */
            capabilities?: string[];
            /** @description Markdown. */
            definition_of_done?: string;
            /** @description Ids, keys or names (in the same kluster) of tasks of the same mission; at most 128. */
            depends_on?: string[];
            /** @description Markdown. */
            description?: string;
            /** @description Kluster id or name. */
            kluster: string;
            /** @description For selection. */
            labels?: components["schemas"]["Labels"];
            /**
             * Format: int32
             * @description 1 to 100, default 3.
             */
            max_attempts?: number;
            /** @description Mission id or name. */
            mission: string;
            name?: components["schemas"]["Name"] | null;
            /** @description Default `block`. */
            on_dependency_failure?: components["schemas"]["OnDependencyFailure"];
            /** @description The task it is a part of: id or key. */
            parent?: string | null;
            /** @description Globs, at most 64. */
            paths?: string[];
            /**
             * Format: int32
             * @description 0 to 100, default 50.
             */
            priority?: number;
            /**
             * Format: int32
             * @description 0 to 8, default 0.
             */
            review_gates?: number;
            runtime?: components["schemas"]["Name"] | null;
            /** @description One line. */
            title: string;
        };
        /** @description Creates a template with its first version. */
        CreateTemplate: {
            /** @description What it is for, Markdown. */
            description?: string;
            /** @description Mission id or name. */
            mission: string;
            /** @description Unique in the mission. */
            name: components["schemas"]["Name"];
            /** @description What may be given; at most 32. */
            parameters?: components["schemas"]["Parameter"][];
            /** @description What it makes. */
            task: components["schemas"]["TemplateTask"];
        };
        /** @description A secret on its way in. */
        Credential: {
            /** @description Which sort. */
            credential_kind: components["schemas"]["CredentialKind"];
            /** @description The token, the password, or the private key in PEM. */
            secret?: string;
        };
        /** @enum {string} */
        CredentialKind: "none" | "token" | "password" | "ssh_key";
        /** @description Decides an approval (`POST …/approve`, `POST …/reject`). */
        DecideApproval: {
            /** @description Refused when the stored digest differs: proof that the decider saw this very action. */
            action_sha256?: string | null;
            /** @description At most 2000 characters. */
            note?: string | null;
            /** @description An option that the agent offers (`agent_permission` only); absent: the first that allows, or declines, once. */
            option?: string | null;
        };
        /** @description Decides several approvals (`POST /api/v1/approvals/decide`). */
        DecideApprovals: {
            /** @description 1 to 100, each approval once. */
            items: components["schemas"]["DecisionItem"][];
        };
        /** @description What came of one of several decisions: `result` or `problem`. */
        DecidedApproval: {
            /** @description The approval as it was named. */
            approval: string;
            problem?: components["schemas"]["Problem"] | null;
            result?: components["schemas"]["Approval"] | null;
        };
        /** @description What came of several decisions, in the order in which they were asked for. */
        DecidedApprovals: {
            /** @description One for each. */
            items: components["schemas"]["DecidedApproval"][];
        };
        /** @description Somebody who may decide. */
        DeciderName: {
            /** @description Who. */
            id: components["schemas"]["PrincipalId"];
            /** @description The name. */
            name: components["schemas"]["Name"];
            /** @description The role that counts in the mission. */
            role: components["schemas"]["Role"];
        };
        /** @description Decides about a session that asks (`POST /api/v1/sessions/{ref}/decide`). */
        DecideSession: {
            /** @description The choice. */
            decision: components["schemas"]["SessionDecision"];
        };
        /** @description One decision among several. */
        DecisionItem: {
            /** @description Digest of the action that was seen; needed to approve what may destroy something. */
            action_sha256?: string | null;
            /** @description The approval's id. */
            approval: string;
            /** @description For or against. */
            decision: components["schemas"]["ApprovalDecision"];
            /** @description At most 2000 characters. */
            note?: string | null;
            /** @description An option that the agent offers. */
            option?: string | null;
            /**
             * Format: int64
             * @description Refused when the approval has another version.
             */
            version?: number | null;
        };
        /** @description A task that another one waits for. */
        Dependency: {
            /** @description Its id. */
            id: components["schemas"]["TaskId"];
            /** @description Its key. */
            key: string;
            /** @description Its state. */
            state: components["schemas"]["TaskState"];
        };
        /** @description Says that a suggestion is none (`POST /api/v1/overlaps/{ref}/dismiss`). */
        DismissOverlap: {
            /** @description Why, 1 to 2000 characters. */
            reason: string;
        };
        /** @description A doc's metadata; the text of a version is at `/api/v1/docs/{ref}/content`. */
        Doc: {
            /** @description For people and tools. */
            annotations: components["schemas"]["Labels"];
            /** @description When it was created. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Who created it. */
            created_by: components["schemas"]["PrincipalId"];
            /** @description The id. */
            id: components["schemas"]["DocId"];
            /** @description Whether it is a keystone: the mission's `north-star` or the kluster's `workstream`. */
            keystone: boolean;
            /** @description Always `doc`. */
            kind?: string;
            kluster?: components["schemas"]["Name"] | null;
            kluster_id?: components["schemas"]["KlusterId"] | null;
            /** @description For selection. */
            labels: components["schemas"]["Labels"];
            /**
             * Format: int64
             * @description The number of the newest version of the text.
             */
            latest_version: number;
            /** @description RFC 2046 media type. */
            media_type: string;
            /** @description The mission's name. */
            mission: components["schemas"]["Name"];
            /** @description The mission it belongs to. */
            mission_id: components["schemas"]["MissionId"];
            /** @description Unique in the kluster, or among the docs that are directly in the mission. */
            name: components["schemas"]["Name"];
            /**
             * Format: int64
             * @description The version that was published last.
             */
            published_version?: number | null;
            /** @description SHA-256 of the newest version, lowercase hex. */
            sha256: string;
            /**
             * Format: int64
             * @description Bytes of the newest version.
             */
            size_bytes: number;
            /** @description Whether the newest version is the published one. */
            state: components["schemas"]["DocState"];
            /** @description One line. */
            title: string;
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Optimistic lock of the whole doc; also the `ETag`. Not a version of the text.
             */
            version: number;
        };
        /** @description A doc as creating and changing it answers: with what it overlaps. */
        DocAnswer: components["schemas"]["Doc"] & {
            /** @description `true`: the vector of the text is still to come, and with it perhaps more suggestions. */
            overlap_pending?: boolean;
            /** @description Existing texts that it overlaps, the best first. */
            overlap_suggestions?: components["schemas"]["OverlapSuggestion"][];
        };
        /** @description A doc with the text of one version. */
        DocContent: {
            /** @description Its text. */
            content: string;
            /** @description The metadata, as it is now. */
            doc: components["schemas"]["Doc"];
            /** @description Which version. */
            version: components["schemas"]["DocVersion"];
        };
        /** @description How one version became another. */
        DocDiff: {
            /** @description A side is no text: there is nothing to compare by lines. */
            binary: boolean;
            /** @description The doc. */
            doc_id: components["schemas"]["DocId"];
            /**
             * Format: int64
             * @description The older side.
             */
            from: number;
            /**
             * Format: int64
             * @description The newer side.
             */
            to: number;
            /** @description The unified diff, empty when both sides are the same or one is binary. */
            unified: string;
        };
        DocId: string;
        /** @enum {string} */
        DocState: "draft" | "published";
        /** @description A version of a doc's text. It never changes. */
        DocVersion: {
            /** @description Who wrote it. */
            author: components["schemas"]["PrincipalId"];
            /** @description When it was written. */
            created_at: components["schemas"]["Timestamp"];
            /** @description The doc. */
            doc_id: components["schemas"]["DocId"];
            /** @description Why it was written. */
            note: string;
            /**
             * Format: int64
             * @description 1, 2, 3 …
             */
            number: number;
            /** @description SHA-256 of the text, lowercase hex. */
            sha256: string;
            /**
             * Format: int64
             * @description Bytes of UTF-8.
             */
            size_bytes: number;
        };
        /** @description A URL that gives an artifact's bytes to whoever holds it, until it expires. */
        DownloadUrl: {
            /** @description Whose bytes. */
            artifact_id: components["schemas"]["ArtifactId"];
            /** @description From when on it answers no more. */
            expires_at: components["schemas"]["Timestamp"];
            /** @description Always `download_url`. */
            kind: string;
            /** @description SHA-256 of the bytes, lowercase hex. */
            sha256: string;
            /**
             * Format: int64
             * @description Number of bytes.
             */
            size_bytes: number;
            /** @description Answers `GET` without a token, also for ranges. */
            url: string;
        };
        /** @description How a folder differs from the bundle that was written to it: paths, sorted, at most 200 of each sort. */
        Drift: {
            /** @description Not of the bundle. */
            added?: string[];
            /** @description With other content, or with another mark of being executable. */
            changed?: string[];
            /** @description Gone. */
            missing?: string[];
        };
        /** @enum {string} */
        EmbeddingProvider: "builtin" | "local" | "openai";
        /** @enum {string} */
        EmbeddingState: "ready" | "indexing" | "failing" | "budget_exhausted" | "superseded" | "off";
        /** @description How texts get their vectors, and how far that is (`GET /api/v1/system/embeddings`). */
        EmbeddingStatus: {
            /**
             * Format: int32
             * @description The length of a vector; absent until the endpoint said it.
             */
            dimensions?: number | null;
            /** @description What went wrong last, when it does. */
            error?: string | null;
            /**
             * Format: int64
             * @description Of those that wait, the ones that the provider cannot embed; they are tried again every hour.
             */
            failed: number;
            /**
             * Format: int64
             * @description Texts with a vector of this model.
             */
            indexed: number;
            /** @description Always `embedding_status`. */
            kind: string;
            /** @description The model, as configured. */
            model: string;
            /** @description Where vectors come from, as configured. */
            provider: components["schemas"]["EmbeddingProvider"];
            retry_at?: components["schemas"]["Timestamp"] | null;
            /** @description How it goes. */
            state: components["schemas"]["EmbeddingState"];
            /** @description The models of which vectors are stored. */
            stored: components["schemas"]["StoredModel"][];
            /**
             * Format: int64
             * @description Tokens that may be used in a day (UTC); absent: any number.
             */
            tokens_per_day?: number | null;
            /**
             * Format: int64
             * @description Tokens that may be used in an hour; absent: any number.
             */
            tokens_per_hour?: number | null;
            /**
             * Format: int64
             * @description Tokens used in this hour.
             */
            tokens_this_hour: number;
            /**
             * Format: int64
             * @description Tokens used today.
             */
            tokens_today: number;
            /**
             * Format: int64
             * @description Texts that wait for theirs, also those that the provider cannot embed.
             */
            waiting: number;
        };
        /** @enum {string} */
        EntityKind: "mission" | "kluster" | "task" | "doc" | "artifact" | "keystone";
        /** @description An entity, as callers name it. */
        EntityRef: {
            /** @description Its id, key or name. A keystone also by its mission's or kluster's id or name. */
            entity_id: string;
            /** @description Its kind. */
            entity_type: components["schemas"]["EntityKind"];
        };
        /** @enum {string} */
        EntryKind: "doc" | "artifact" | "task";
        EventId: string;
        /** @enum {string} */
        Execute: "on_approval" | "by_requester";
        /** @description Gives the task up (`POST …/fail`). With `retryable` and attempts left it becomes `ready` again. */
        FailTask: {
            /**
             * Format: int32
             * @description The fencing token; may be absent when the caller's grant is for this task.
             */
            attempt?: number | null;
            /** @description Why, at most 2000 characters. */
            reason: string;
            /** @description Whether another attempt may help. */
            retryable?: boolean;
        };
        /** @description One rule that a request breaks. */
        FieldError: {
            /** @description What is wrong and what is accepted. */
            message: string;
            /** @description JSON pointer (RFC 6901) into the body, or `?name` for a query parameter. */
            pointer: string;
        };
        /** @description Who owns a field of an object. */
        FieldOwner: {
            /** @description `spec.priority`, `metadata.labels.team`. */
            field: string;
            /** @description Who applied it; or `update:` and the name of the principal who changed it otherwise. */
            manager: string;
            /** @description When it was last applied or changed by this manager. */
            updated_at: components["schemas"]["Timestamp"];
        };
        /** @description The owners of the fields of an object. */
        FieldOwners: {
            /** @description By field, then manager. */
            items: components["schemas"]["FieldOwner"][];
        };
        /** @description A disagreement between the object store and the database. */
        Finding: {
            /** @description What is wrong. */
            cause: string;
            /** @description What was done; absent: nothing. */
            done?: string | null;
            /** @description What to do. */
            fix: string;
            /** @description What is found. */
            kind: components["schemas"]["FindingKind"];
            /** @description The mission's name, when it is one. */
            mission?: string | null;
            mission_id?: components["schemas"]["MissionId"] | null;
            /** @description What names the bytes, at most five. */
            named_by?: components["schemas"]["ContentName"][];
            /** @description How grave it is. */
            severity: components["schemas"]["Severity"];
            /** @description The digest the bytes should have. Absent for uploads. */
            sha256?: string | null;
            /** @description What became of it. */
            state: components["schemas"]["FindingState"];
            /** @description What it is about: the first that names the bytes, or the key of bytes that nothing names. */
            subject: string;
        };
        /** @enum {string} */
        FindingKind: "missing" | "set_aside" | "wrong_size" | "wrong_digest" | "orphan" | "upload";
        /** @enum {string} */
        FindingState: "open" | "mended" | "left" | "fine";
        /** @description Two globs that share a path. */
        GlobPair: {
            /** @description The glob or path that was asked for. */
            glob: string;
            /** @description The glob of the reservation; absent when it is of a mission that the caller may not read. */
            held?: string | null;
            /** @description A path that both match; absent as `held` is. */
            witness?: string | null;
        };
        /** @enum {string} */
        GovernanceProfile: "development" | "standard" | "production";
        /** @description What an agent acts with for a short time. The token is shown once. */
        Grant: {
            /**
             * Format: int32
             * @description The attempt that counts for them.
             */
            attempt?: number | null;
            /** @description When it ends. */
            expires_at: components["schemas"]["Timestamp"];
            /** @description The id. */
            id: components["schemas"]["TokenId"];
            /** @description Always `grant`. */
            kind?: string;
            mission_id?: components["schemas"]["MissionId"] | null;
            /** @description The agent's name. */
            principal: string;
            /** @description The agent. */
            principal_id: components["schemas"]["PrincipalId"];
            session_id?: components["schemas"]["SessionId"] | null;
            task_id?: components["schemas"]["TaskId"] | null;
            /** @description `mcg_…`; absent when the answer is repeated for the same idempotency key. */
            token?: string | null;
        };
        /** @description All checks, with the verdict. */
        Health: {
            /** @description The checks. */
            checks: components["schemas"]["Check"][];
            /** @description The server's time. */
            now: components["schemas"]["Timestamp"];
            /** @description Every check is well. */
            ok: boolean;
        };
        /** @description Renews the lease (`POST …/heartbeat`). */
        Heartbeat: {
            /**
             * Format: int32
             * @description The fencing token.
             */
            attempt: number;
            /**
             * Format: int32
             * @description Length of the lease from now, 5 to 3600; default 60.
             */
            lease_seconds?: number | null;
        };
        /** @description Renews the lease. */
        HeartbeatWorkspace: {
            /**
             * Format: int32
             * @description 60 to 3600; absent: as before.
             */
            lease_seconds?: number | null;
        };
        /** @description Where a hit matches: a piece of a text with the matching words between `**`. */
        Highlight: {
            /**
             * Format: int64
             * @description Where the first match begins in the whole text, in bytes from 0.
             */
            at_byte?: number;
            /** @description `title` or `body`. */
            field: string;
            /**
             * Format: int64
             * @description In which line it is, from 1.
             */
            line?: number;
            /** @description The piece. */
            text: string;
        };
        /** @enum {string} */
        Hinders: "claim" | "node" | "work";
        /** @description What an import did, in the order of the rows. */
        ImportAnswer: {
            /** @description Whether what was good was kept. */
            committed: boolean;
            /** @description One per row. */
            rows: components["schemas"]["ImportedRow"][];
        };
        /** @description What an import came to. */
        ImportedPack: {
            /** @description What is in the pack. */
            counts: components["schemas"]["PackCounts"];
            /** @description The prefix of its task keys; absent for a dry run. */
            key_prefix?: string | null;
            /** @description Always `imported_pack`. */
            kind: string;
            /** @description Its name. */
            mission: components["schemas"]["Name"];
            mission_id?: components["schemas"]["MissionId"] | null;
            /** @description What is not as it was. */
            notes: string[];
            /** @description What it came to. */
            result: components["schemas"]["ImportResult"];
            /** @description The digest of the pack. */
            sha256: string;
        };
        /** @description What became of a row. */
        ImportedRow: {
            /** @description What is wrong with it, by field. */
            errors?: components["schemas"]["FieldError"][];
            /** @description As it was sent. */
            external_id: string;
            /** @description The key of its task. */
            key?: string | null;
            /**
             * Format: int64
             * @description As it was sent.
             */
            line: number;
            /** @description Keys of existing work that it overlaps, the most similar first. */
            overlaps?: string[];
            /** @description What became of it; where nothing was kept, what would have. */
            result: components["schemas"]["ApplyResult"];
        };
        /** @enum {string} */
        ImportResult: "created" | "unchanged" | "dry_run";
        /** @description One row to import. */
        ImportRow: {
            /** @description For people and tools. */
            annotations?: components["schemas"]["Labels"];
            /** @description What a claimant must be capable of. */
            capabilities?: string[];
            /**
             * @description It is closed where it comes from: it is not created; a task made of it that nobody works on is done, or called off
             *     when it is `not_planned`.
             */
            closed?: boolean;
            /** @description Markdown. */
            definition_of_done?: string;
            /** @description External ids of rows that it waits for: of this request before it, or imported earlier. */
            depends_on?: string[];
            /** @description Markdown. */
            description?: string;
            /** @description Its id where it comes from, 1 to 256 bytes; unique in the source. */
            external_id: string;
            /** @description For selection. */
            labels?: components["schemas"]["Labels"];
            /**
             * Format: int64
             * @description Where it stands in its file, for the report.
             */
            line: number;
            /** @description With `closed`: it will not be done. */
            not_planned?: boolean;
            /** @description Globs of paths it will touch. */
            paths?: string[];
            /**
             * Format: int32
             * @description 0 to 100; default 50.
             */
            priority?: number | null;
            runtime?: components["schemas"]["Name"] | null;
            /** @description One line. */
            title: string;
        };
        /** @description Imports tasks (`POST /api/v1/tasks/import`). */
        ImportTasks: {
            /** @description Keys or ids of overlapping tasks that the caller has seen and takes into account; at most 64. */
            acknowledge_overlap?: string[];
            /** @description Keep the rows that are good; without it one bad row means that none is kept. */
            continue_on_error?: boolean;
            /** @description Do all of it and keep nothing. */
            dry_run?: boolean;
            /** @description Kluster id or name. */
            kluster: string;
            /** @description Mission id or name. */
            mission: string;
            /** @description 1 to 200; a row after those that it waits for. */
            rows: components["schemas"]["ImportRow"][];
            /** @description Where the external ids are unique, 1 to 128 bytes: a repository, a file. */
            source: string;
        };
        /** @description What a path stood for when the workspace was loaded or last committed: the base of the next commit. */
        IndexEntry: {
            /** @description Its id. */
            id: string;
            /** @description What it is. */
            kind: components["schemas"]["EntryKind"];
            /** @description Such as `docs/guide.md`. */
            path: string;
            /** @description It can be read here and not changed. */
            readonly: boolean;
            /** @description SHA-256 of the content; tasks have none. */
            sha256?: string | null;
            /**
             * Format: int64
             * @description The base version: of a doc's text, of an artifact, of a task.
             */
            version: number;
        };
        /** @description Asks for a keystone. */
        InitKeystone: {
            /** @description Kluster id or name: its workstream; absent: the mission's north star. */
            kluster?: string | null;
            /** @description Mission id or name. */
            mission: string;
        };
        /** @enum {string} */
        ItemKind: "prompt" | "message" | "thought" | "tool_call" | "plan" | "permission" | "turn_end" | "mark" | "stderr";
        /** @enum {string} */
        ItemOperation: "write" | "remove";
        /** @description A permission in a conversation. */
        ItemPermission: {
            /** @description The approval that decides it. */
            approval_id?: string | null;
            /** @description The permission's own id. */
            id: string;
            /** @description Whether it was answered. */
            is_answered: boolean;
            /** @description The option that was chosen. */
            option?: string | null;
            /** @description The options: `[{optionId, name, kind}]`. */
            options: Record<string, unknown>[];
            /** @description What it is for, in a line. */
            title?: string | null;
            /** @description The tool call that it is for, as the agent sent it. */
            tool_call: Record<string, unknown>;
        };
        /** @description A join token. The token itself is shown once. */
        JoinToken: {
            /** @description SHA-256 of the installation's CA certificate (DER), lowercase hex. */
            ca_sha256: string;
            /** @description When it was made. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Who made it. */
            created_by: components["schemas"]["PrincipalId"];
            /** @description When it ends. */
            expires_at: components["schemas"]["Timestamp"];
            /** @description The id. */
            id: components["schemas"]["TokenId"];
            /** @description Always `join_token`. */
            kind?: string;
            node_name?: components["schemas"]["Name"] | null;
            /** @description The gRPC endpoint to join at, as this server advertises it. */
            server: string;
            /** @description `mcj_<id>.<secret>.<ca_sha256>`; absent after it was shown. */
            token?: string | null;
            /**
             * Format: int64
             * @description How many have.
             */
            used: number;
            /**
             * Format: int64
             * @description How many nodes may join with it.
             */
            uses: number;
        };
        /** @description A kluster. */
        Kluster: {
            /** @description For people and tools. */
            annotations: components["schemas"]["Labels"];
            /** @description When it was created. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Who created it. */
            created_by: components["schemas"]["PrincipalId"];
            /** @description Markdown. */
            description: string;
            /** @description The id. */
            id: components["schemas"]["KlusterId"];
            /** @description Always `kluster`. */
            kind?: string;
            /** @description For selection. */
            labels: components["schemas"]["Labels"];
            /**
             * Format: int32
             * @description At most so many of its tasks are claimed or running at once, 1 to 10000; absent for no limit.
             */
            max_running?: number | null;
            /** @description The mission's name. */
            mission: components["schemas"]["Name"];
            /** @description The mission it belongs to. */
            mission_id: components["schemas"]["MissionId"];
            /** @description Unique in the mission. */
            name: components["schemas"]["Name"];
            overlap_policy?: components["schemas"]["OverlapPolicy"] | null;
            runtime?: components["schemas"]["Name"] | null;
            /** @description Its state. */
            state?: components["schemas"]["KlusterState"];
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Optimistic lock; also the `ETag`.
             */
            version: number;
        };
        KlusterId: string;
        /** @enum {string} */
        KlusterState: "active";
        /** @description Labels or annotations. Keys have 1 to 63 of letters, digits, `-`, `_`, `.`, `/`; see [`Labels::check`] for the limits. */
        Labels: {
            [key: string]: string;
        };
        /** @description One ledger event. `seq`, `prev` and `hash` are present once the event is sealed into the chain. */
        LedgerEvent: {
            /** @description What was done: `subject.verb`. */
            action: string;
            /** @description The body's canonical text (RFC 8785). */
            body?: string | null;
            /** @description SHA-256 of the body's canonical text, lowercase hex. */
            body_sha256: string;
            /** @description Hash of this event, lowercase hex. */
            hash: string;
            /** @description The id. */
            id: components["schemas"]["EventId"];
            mission_id?: components["schemas"]["MissionId"] | null;
            /** @description When. */
            occurred_at: components["schemas"]["Timestamp"];
            /** @description Hash of the event before, lowercase hex. */
            prev: string;
            /** @description The name of who did it. */
            principal?: string | null;
            /** @description Who did it. */
            principal_id: components["schemas"]["PrincipalId"];
            /** @description The request's id. */
            request_id: string;
            /**
             * Format: int64
             * @description Position in the chain, dense from 1.
             */
            seq: number;
            /** @description The subject's id. */
            subject_id: string;
            /** @description The kind of the subject, such as `task`. */
            subject_kind: string;
        };
        /** @description A file of a Git ledger. */
        LedgerFile: {
            /** @description Its path from the top of the repository. */
            path: string;
            /** @description Its text. */
            text: string;
        };
        /** @description The state of the chain. */
        LedgerHead: {
            /** @description Its hash, lowercase hex. */
            hash: string;
            /**
             * Format: int64
             * @description The last sealed position; 0 when empty.
             */
            seq: number;
            /**
             * Format: int64
             * @description Events committed but not yet sealed.
             */
            unsealed: number;
        };
        /** @description Something that was not published. */
        LeftOut: {
            /** @description Its id. */
            entity_id: string;
            /** @description Its kind. */
            entity_type: components["schemas"]["EntityKind"];
            /** @description Why. */
            reason: string;
        };
        /** @description A loaded workspace: the lease, and the kluster as it was at one moment. */
        LoadedWorkspace: {
            /** @description Artifacts of the kluster and of its tasks. */
            artifacts: components["schemas"]["Artifact"][];
            /** @description The kluster's docs, without its keystone. */
            docs: components["schemas"]["WorkspaceDoc"][];
            /** @description Every path. */
            index: components["schemas"]["IndexEntry"][];
            north_star?: components["schemas"]["WorkspaceDoc"] | null;
            /** @description The kluster's tasks. */
            tasks: components["schemas"]["Task"][];
            /** @description The lease. */
            workspace: components["schemas"]["Workspace"];
            workstream?: components["schemas"]["WorkspaceDoc"] | null;
        };
        /** @description Loads a kluster. */
        LoadWorkspace: {
            /** @description Who works in it for the holder, when that is somebody else: at most 256 bytes, kept as they are. */
            agent_id?: string | null;
            /** @description Kluster id or name. */
            kluster: string;
            /** @description What the holder calls it; `workspace_label` is understood too. */
            label?: string | null;
            /**
             * Format: int32
             * @description 60 to 3600, default 900.
             */
            lease_seconds?: number | null;
            /** @description Mission id or name, where a kluster's name is looked for. */
            mission?: string | null;
        };
        /** @description What `POST /api/v1/auth/logout-everywhere` did. */
        LoggedOut: {
            /**
             * Format: int64
             * @description How many login sessions ended.
             */
            ended: number;
        };
        /** @description A login session, without its token. */
        Login: {
            /** @description When it began. */
            created_at: components["schemas"]["Timestamp"];
            /** @description When it ends. */
            expires_at: components["schemas"]["Timestamp"];
            /** @description The id. */
            id: components["schemas"]["TokenId"];
            /** @description Whether it is the one in use. */
            is_current: boolean;
            /** @description Always `login`. */
            kind?: string;
            principal?: components["schemas"]["Name"] | null;
            principal_id?: components["schemas"]["PrincipalId"] | null;
        };
        /** @description Makes a login session (`POST /api/v1/auth/login`) with the bearer token presented. */
        LoginRequest: {
            principal?: components["schemas"]["Name"] | null;
            role?: components["schemas"]["Role"] | null;
            /**
             * Format: int32
             * @description Lifetime in seconds, 60 to 2 592 000; default 43 200 (12 h).
             */
            ttl_seconds?: number | null;
        };
        /** @description A login session. The token is shown once. */
        LoginSession: {
            /** @description When it ends. */
            expires_at: components["schemas"]["Timestamp"];
            /** @description The id. */
            id: components["schemas"]["TokenId"];
            /** @description Who. */
            principal: components["schemas"]["Principal"];
            /** @description `mcs_…`; absent when the answer is repeated for the same idempotency key. */
            token?: string | null;
        };
        /** @description One document of a manifest. */
        Manifest: {
            /** @description `missioncontrol.dev/v1`. */
            apiVersion: string;
            /** @description `Mission`, `Kluster`, `Task` or `Doc`. */
            kind: string;
            /** @description Who it is. */
            metadata: components["schemas"]["Metadata"];
            /** @description What it should be; its shape depends on `kind`. */
            spec?: unknown;
        };
        /** @description Identity of the object in a manifest. */
        Metadata: {
            /** @description For people and tools. */
            annotations?: components["schemas"]["Labels"];
            kluster?: components["schemas"]["Name"] | null;
            /** @description For selection. */
            labels?: components["schemas"]["Labels"];
            mission?: components["schemas"]["Name"] | null;
            name?: components["schemas"]["Name"] | null;
        };
        /** @description A mission. */
        Mission: {
            /** @description For people and tools; not selectable. */
            annotations: components["schemas"]["Labels"];
            /** @description When it was created. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Who created it. */
            created_by: components["schemas"]["PrincipalId"];
            /** @description What it is about, Markdown. */
            description: string;
            /** @description The id. */
            id: components["schemas"]["MissionId"];
            /** @description The first part of its tasks' keys; fixed at creation, never used again. */
            key_prefix: string;
            /** @description Always `mission`. */
            kind?: string;
            /** @description For selection. */
            labels: components["schemas"]["Labels"];
            /** @description Unique in the organization. */
            name: components["schemas"]["Name"];
            overlap_policy?: components["schemas"]["OverlapPolicy"] | null;
            /** @description While it is paused, nobody claims its tasks; what is claimed goes on. */
            paused?: boolean;
            /** @description What `paused` says, as a word. */
            state?: components["schemas"]["MissionState"];
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Optimistic lock; also the `ETag`.
             */
            version: number;
        };
        MissionId: string;
        /** @description A role in one mission. */
        MissionRole: {
            /** @description The mission. */
            mission_id: components["schemas"]["MissionId"];
            /** @description The role. */
            role: components["schemas"]["Role"];
        };
        /** @enum {string} */
        MissionState: "active" | "paused";
        /** @description A DNS label (RFC 1123): 1 to 63 of `a-z`, `0-9` and `-`, no `-` at either end. Unique in its parent. */
        Name: string;
        /** @description A node. */
        Node: {
            /** @description Takes no new agent sessions. */
            cordoned: boolean;
            /** @description When it joined. */
            created_at: components["schemas"]["Timestamp"];
            drained_at?: components["schemas"]["Timestamp"] | null;
            /** @description Takes nothing new until its last agent session has ended; it is cordoned then as well. */
            draining?: boolean;
            /** @description What it says of itself. */
            facts: components["schemas"]["NodeFacts"];
            /** @description The id. */
            id: components["schemas"]["NodeId"];
            /** @description It is being drained, and no agent session is left on it. */
            is_drained?: boolean;
            /** @description Always `node`. */
            kind?: string;
            /** @description When it was last heard. */
            last_seen_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Agent sessions on it that have not ended.
             */
            live_sessions: number;
            /** @description Unique among the nodes that are not revoked. */
            name: components["schemas"]["Name"];
            /** @description The principal it acts as. */
            principal_id: components["schemas"]["PrincipalId"];
            /** @description Whether it can be relied on. */
            state: components["schemas"]["NodeState"];
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Optimistic lock; also the `ETag`.
             */
            version: number;
        };
        /** @description What a node says of itself. */
        NodeFacts: {
            /** @description Processor architecture. */
            arch: string;
            /** @description Identifies the boot of the machine. */
            boot_id: string;
            /** @description Host name. */
            hostname: string;
            /** @description Operating system. */
            os: string;
            /** @description Runtimes. */
            runtimes: components["schemas"]["NodeRuntime"][];
            /** @description `S0` … `S3`. */
            sandbox_tier: string;
            /**
             * Format: int32
             * @description How many agent sessions it takes at once.
             */
            slots: number;
            /** @description Version of `mc-mesh`. */
            version: string;
        };
        NodeId: string;
        /** @description A runtime as a node found it. */
        NodeRuntime: {
            /** @description Whether agent sessions can be started with it. */
            available: boolean;
            /** @description How to install it, when it is not available. */
            hint?: string | null;
            /** @description Its name. */
            name: string;
            /** @description Its version, when known. */
            version?: string | null;
        };
        /** @enum {string} */
        NodeState: "ready" | "not_ready" | "revoked";
        /** @description What a part of the comparison found. A call looks for some seconds; `next_cursor` goes on. */
        ObjectCheck: {
            /**
             * Format: int64
             * @description How many bytes were read to compare digests.
             */
            bytes_read: number;
            /**
             * Format: int64
             * @description How many contents were looked at in this part.
             */
            checked: number;
            /** @description What is not as it should be. */
            findings: components["schemas"]["Finding"][];
            /** @description Why nothing is mended now although it was asked for, such as a backup that runs. */
            held?: string | null;
            /** @description Always `object_check`. */
            kind: string;
            /** @description Where the next part begins; absent: this was the last. */
            next_cursor?: string | null;
        };
        /** @enum {string} */
        OnConflict: "refuse" | "queue";
        /** @enum {string} */
        OnDelete: "remove" | "keep";
        /** @enum {string} */
        OnDependencyFailure: "block" | "cancel" | "ignore";
        /** @description A reservation that shares paths with what was asked for. */
        Overlap: {
            /** @description When its lease ends. */
            expires_at: components["schemas"]["Timestamp"];
            /** @description The name of its principal, or `another mission`. */
            holder: string;
            /** @description Whether it is the caller's own. */
            is_own: boolean;
            mission?: components["schemas"]["Name"] | null;
            /** @description Whom it tolerates. */
            mode: components["schemas"]["ReservationMode"];
            /** @description What they share; at most ten. */
            pairs: components["schemas"]["GlobPair"][];
            reservation_id?: components["schemas"]["ReservationId"] | null;
            session_id?: components["schemas"]["SessionId"] | null;
            /** @description Whether it holds the paths, or waits for them and came first. */
            state: components["schemas"]["ReservationState"];
            /** @description The key of its task. */
            task?: string | null;
        };
        /** @enum {string} */
        OverlapAction: "link" | "merge" | "wait" | "ignore";
        /** @description The answer to [`CheckOverlap`]. */
        OverlapCheck: {
            /** @description What the policy in force would decide. */
            decision: components["schemas"]["OverlapDecision"];
            /** @description The policy in force. */
            policy: components["schemas"]["OverlapPolicy"];
            /** @description The best first. */
            suggestions: components["schemas"]["OverlapFinding"][];
        };
        /** @enum {string} */
        OverlapDecision: "allow" | "require_ack" | "block";
        /** @description What two texts have in common, or apart. */
        OverlapEvidence: {
            /** @description In words. */
            detail: string;
            /** @description The sort, such as `shared_terms`. */
            kind: string;
        };
        /** @description One overlap, as it is found before anything is stored. */
        OverlapFinding: {
            /** @description What is best done. */
            action: components["schemas"]["OverlapAction"];
            /** @description The existing work. */
            candidate: components["schemas"]["OverlapSide"];
            /** @description Why. */
            evidence: components["schemas"]["OverlapEvidence"][];
            /**
             * Format: double
             * @description How alike the words are, 0 to 1.
             */
            lexical: number;
            /**
             * Format: double
             * @description How likely both are the same work, 0 to 1, in thousandths.
             */
            score: number;
            /**
             * Format: double
             * @description How alike the meanings are, 0 to 1; 0 when no vector was compared.
             */
            vector: number;
        };
        OverlapId: string;
        /** @enum {string} */
        OverlapKind: "task" | "doc" | "artifact";
        /** @enum {string} */
        OverlapMode: "suggest" | "require_ack" | "block";
        /** @description The policy of a mission or kluster. A kluster's own policy takes the place of its mission's. */
        OverlapPolicy: {
            /**
             * Format: int32
             * @description From this score on, in hundredths, the caller must acknowledge; absent for the measured point.
             */
            acknowledge_at_percent?: number | null;
            /**
             * Format: int32
             * @description From this score on, in hundredths, `block` refuses; absent for the measured point.
             */
            block_at_percent?: number | null;
            /** @description What a mutation does. */
            mode: components["schemas"]["OverlapMode"];
        };
        /** @description A side of an overlap. */
        OverlapSide: {
            /** @description Whether the work is finished. */
            done: boolean;
            /** @description Its id. */
            id: string;
            /** @description Its key, or its name where it has no key. */
            key?: string | null;
            /** @description `task`, `doc` or `artifact`. */
            kind: string;
            /** @description The mission it belongs to. */
            mission_id: components["schemas"]["MissionId"];
            /** @description Its title as it was compared. */
            title: string;
        };
        /** @enum {string} */
        OverlapState: "open" | "accepted" | "dismissed" | "expired";
        /** @description A stored suggestion. */
        OverlapSuggestion: {
            /** @description Whether the caller named the candidate when it made the subject. */
            acknowledged: boolean;
            /** @description What is best done. */
            action: components["schemas"]["OverlapAction"];
            /** @description The existing work. */
            candidate: components["schemas"]["OverlapSide"];
            /** @description When it was found. */
            created_at: components["schemas"]["Timestamp"];
            decided_at?: components["schemas"]["Timestamp"] | null;
            decided_by?: components["schemas"]["PrincipalId"] | null;
            /** @description Why. */
            evidence: components["schemas"]["OverlapEvidence"][];
            /** @description The id. */
            id: components["schemas"]["OverlapId"];
            /** @description Always `overlap`. */
            kind?: string;
            /**
             * Format: double
             * @description How alike the words are, 0 to 1.
             */
            lexical: number;
            /** @description Why it was dismissed, or what was said with the acceptance. */
            note?: string | null;
            resolution?: components["schemas"]["OverlapAction"] | null;
            /**
             * Format: double
             * @description How likely both are the same work, 0 to 1, in thousandths.
             */
            score: number;
            /** @description The state. */
            state: components["schemas"]["OverlapState"];
            /** @description What was created or changed. */
            subject: components["schemas"]["OverlapSide"];
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: double
             * @description How alike the meanings are, 0 to 1; 0 when no vector was compared.
             */
            vector: number;
            /**
             * Format: int64
             * @description Optimistic lock; also the `ETag`.
             */
            version: number;
        };
        /** @description A pack as it was written, or would be. */
        Pack: {
            /** @description What is in it. */
            counts: components["schemas"]["PackCounts"];
            /** @description Always `pack`. */
            kind: string;
            /** @description Its name. */
            mission: components["schemas"]["Name"];
            /** @description The mission. */
            mission_id: components["schemas"]["MissionId"];
            /** @description What is left out. */
            notes: string[];
            /** @description What looks like a credential, where: never the text itself. At most 100. */
            secrets: components["schemas"]["FieldError"][];
            /**
             * Format: int64
             * @description How many there are.
             */
            secrets_found: number;
            /** @description The digest of the pack. */
            sha256: string;
            /**
             * Format: int64
             * @description Its length.
             */
            size_bytes: number;
        };
        /** @description How many of each sort are in a pack. */
        PackCounts: {
            /**
             * Format: int64
             * @description Artifacts.
             */
            artifacts: number;
            /**
             * Format: int64
             * @description Bindings.
             */
            bindings: number;
            /**
             * Format: int64
             * @description Bytes of contents, each once.
             */
            content_bytes: number;
            /**
             * Format: int64
             * @description Versions of docs.
             */
            doc_versions: number;
            /**
             * Format: int64
             * @description Docs, keystones among them.
             */
            docs: number;
            /**
             * Format: int64
             * @description Klusters.
             */
            klusters: number;
            /**
             * Format: int64
             * @description Suggestions of overlapping work.
             */
            overlaps: number;
            /**
             * Format: int64
             * @description Tasks.
             */
            tasks: number;
            /**
             * Format: int64
             * @description Templates.
             */
            templates: number;
        };
        /** @description One page of a list, in the list's total order. */
        Page_AgentSession: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /**
                 * Format: int64
                 * @description The process of the agent on its node, while it lives.
                 */
                agent_pid?: number | null;
                /** @description The agent's own session id. */
                agent_session?: string | null;
                /**
                 * Format: int64
                 * @description The attempt of the claim it holds on the task: its fence.
                 */
                attempt?: number | null;
                /** @description When it was created. */
                created_at: components["schemas"]["Timestamp"];
                /** @description Who created it. */
                created_by: components["schemas"]["PrincipalId"];
                /** @description Working directory on the node; empty: a folder of the session's own. */
                cwd: string;
                /**
                 * Format: int64
                 * @description Number of agent processes so far.
                 */
                epoch: number;
                /** @description The id. */
                id: components["schemas"]["SessionId"];
                /** @description Whether the node's lease holds; when not, `state` is the last known one. */
                is_node_reachable: boolean;
                /** @description Always `session`. */
                kind?: string;
                /** @description Labels. */
                labels: components["schemas"]["Labels"];
                /**
                 * Format: int64
                 * @description The newest event that is stored; 0: none.
                 */
                last_seq: number;
                /** @description The mission's name. */
                mission: components["schemas"]["Name"];
                /** @description The mission it belongs to. */
                mission_id: components["schemas"]["MissionId"];
                /** @description The mode that the agent works in, when it has modes. */
                mode?: string | null;
                /** @description The modes that it offers. */
                modes?: components["schemas"]["SessionMode"][];
                /** @description The node's name. */
                node?: string | null;
                node_id?: components["schemas"]["NodeId"] | null;
                /** @description The principal that the agent acts as. */
                principal_id: components["schemas"]["PrincipalId"];
                /** @description Why, when the state alone does not say it. */
                reason?: string | null;
                /** @description The runtime. */
                runtime: string;
                /** @description The state, as last reported. */
                state: components["schemas"]["SessionState"];
                /** @description The task's key. */
                task?: string | null;
                task_id?: components["schemas"]["TaskId"] | null;
                turn_id?: components["schemas"]["TurnId"] | null;
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Optimistic lock; also the `ETag`.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_Approval: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description The exact action, canonical JSON (RFC 8785): what is approved is this text and nothing else. */
                action: string;
                /** @description SHA-256 of `action`, lowercase hex. */
                action_sha256: string;
                /** @description What is decided. */
                approval_kind: components["schemas"]["ApprovalKind"];
                /** @description When it was asked. */
                created_at: components["schemas"]["Timestamp"];
                decided_at?: components["schemas"]["Timestamp"] | null;
                /** @description The decider's name. */
                decider?: string | null;
                decider_id?: components["schemas"]["PrincipalId"] | null;
                /** @description Who carries it out. */
                execute: components["schemas"]["Execute"];
                /** @description After this it can be neither decided nor used. */
                expires_at: components["schemas"]["Timestamp"];
                /** @description The id. */
                id: components["schemas"]["ApprovalId"];
                /** @description Always `approval`. */
                kind?: string;
                /** @description The mission's name. */
                mission: components["schemas"]["Name"];
                /** @description The mission it belongs to. */
                mission_id: components["schemas"]["MissionId"];
                /** @description The decider's words. */
                note?: string | null;
                /** @description What came of it, such as the commit that a publication made. */
                outcome?: string | null;
                /** @description The requester's name. */
                requester: string;
                /** @description Who asks. */
                requester_id: components["schemas"]["PrincipalId"];
                review?: components["schemas"]["ApprovalReview"] | null;
                /** @description Requester and decider are one person (allowed only in profile `development`). */
                self_approved: boolean;
                /** @description The state. */
                state: components["schemas"]["ApprovalState"];
                /** @description One line for people. */
                title: string;
                /** @description The token: only for the requester, only when `execute` is `by_requester` and the state is `approved`. */
                token?: string | null;
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Optimistic lock; also the `ETag`.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_Artifact: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description When it was stored. */
                created_at: components["schemas"]["Timestamp"];
                /** @description Who stored it. */
                created_by: components["schemas"]["PrincipalId"];
                /** @description The id. */
                id: components["schemas"]["ArtifactId"];
                /** @description Always `artifact`. */
                kind?: string;
                kluster_id?: components["schemas"]["KlusterId"] | null;
                /** @description For selection. */
                labels: components["schemas"]["Labels"];
                /** @description RFC 2046 media type. */
                media_type: string;
                /** @description The mission's name. */
                mission: components["schemas"]["Name"];
                /** @description The mission it belongs to. */
                mission_id: components["schemas"]["MissionId"];
                /** @description File name for people, 1 to 255 characters, no `/` and no control characters; need not be unique. */
                name: string;
                /** @description SHA-256 of the bytes, lowercase hex. */
                sha256: string;
                /**
                 * Format: int64
                 * @description Number of bytes.
                 */
                size_bytes: number;
                task_id?: components["schemas"]["TaskId"] | null;
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Optimistic lock; also the `ETag`.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_Binding: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description The folder in the repository that everything is below; empty: the top. */
                base_path: string;
                /** @description The branch. */
                branch: string;
                /** @description The connection's name. */
                connection: components["schemas"]["Name"];
                /** @description The connection. */
                connection_id: components["schemas"]["ConnectionId"];
                /** @description When it was created. */
                created_at: components["schemas"]["Timestamp"];
                /** @description Who created it. */
                created_by: components["schemas"]["PrincipalId"];
                /** @description The id. */
                id: components["schemas"]["BindingId"];
                /** @description Always `binding`. */
                kind?: string;
                /** @description The mission's name. */
                mission: components["schemas"]["Name"];
                /** @description The mission. */
                mission_id: components["schemas"]["MissionId"];
                /** @description Unique in the mission. */
                name: components["schemas"]["Name"];
                /** @description The repository below the connection's URL. */
                repository: string;
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Optimistic lock; also the `ETag`. A binding never changes: what was approved for it goes nowhere else.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_Connection: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description Certificates in PEM that the server's must be signed by, instead of the system's. */
                ca_certificate?: string | null;
                /** @description How repositories are reached. */
                connection_kind: components["schemas"]["ConnectionKind"];
                /** @description When it was created. */
                created_at: components["schemas"]["Timestamp"];
                /** @description Who created it. */
                created_by: components["schemas"]["PrincipalId"];
                /** @description What it proves itself with. */
                credential_kind: components["schemas"]["CredentialKind"];
                /** @description The host key that is trusted, as `type base64`. */
                host_key?: string | null;
                /** @description Its fingerprint, `SHA256:…`. */
                host_key_sha256?: string | null;
                /** @description The id. */
                id: components["schemas"]["ConnectionId"];
                /** @description Always `connection`. */
                kind?: string;
                /** @description For selection. */
                labels: components["schemas"]["Labels"];
                /** @description Unique in the organization. */
                name: components["schemas"]["Name"];
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * @description What stands before the repository: an absolute folder, `https://host/path`, `ssh://host:port/path`. Never changes:
                 *     a credential is not sent to another place than it was given for.
                 */
                url: string;
                /** @description The user, for passwords, tokens and SSH. */
                username?: string | null;
                /**
                 * Format: int64
                 * @description Optimistic lock; also the `ETag`.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_Doc: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description For people and tools. */
                annotations: components["schemas"]["Labels"];
                /** @description When it was created. */
                created_at: components["schemas"]["Timestamp"];
                /** @description Who created it. */
                created_by: components["schemas"]["PrincipalId"];
                /** @description The id. */
                id: components["schemas"]["DocId"];
                /** @description Whether it is a keystone: the mission's `north-star` or the kluster's `workstream`. */
                keystone: boolean;
                /** @description Always `doc`. */
                kind?: string;
                kluster?: components["schemas"]["Name"] | null;
                kluster_id?: components["schemas"]["KlusterId"] | null;
                /** @description For selection. */
                labels: components["schemas"]["Labels"];
                /**
                 * Format: int64
                 * @description The number of the newest version of the text.
                 */
                latest_version: number;
                /** @description RFC 2046 media type. */
                media_type: string;
                /** @description The mission's name. */
                mission: components["schemas"]["Name"];
                /** @description The mission it belongs to. */
                mission_id: components["schemas"]["MissionId"];
                /** @description Unique in the kluster, or among the docs that are directly in the mission. */
                name: components["schemas"]["Name"];
                /**
                 * Format: int64
                 * @description The version that was published last.
                 */
                published_version?: number | null;
                /** @description SHA-256 of the newest version, lowercase hex. */
                sha256: string;
                /**
                 * Format: int64
                 * @description Bytes of the newest version.
                 */
                size_bytes: number;
                /** @description Whether the newest version is the published one. */
                state: components["schemas"]["DocState"];
                /** @description One line. */
                title: string;
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Optimistic lock of the whole doc; also the `ETag`. Not a version of the text.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_DocVersion: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description Who wrote it. */
                author: components["schemas"]["PrincipalId"];
                /** @description When it was written. */
                created_at: components["schemas"]["Timestamp"];
                /** @description The doc. */
                doc_id: components["schemas"]["DocId"];
                /** @description Why it was written. */
                note: string;
                /**
                 * Format: int64
                 * @description 1, 2, 3 …
                 */
                number: number;
                /** @description SHA-256 of the text, lowercase hex. */
                sha256: string;
                /**
                 * Format: int64
                 * @description Bytes of UTF-8.
                 */
                size_bytes: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_Grant: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /**
                 * Format: int32
                 * @description The attempt that counts for them.
                 */
                attempt?: number | null;
                /** @description When it ends. */
                expires_at: components["schemas"]["Timestamp"];
                /** @description The id. */
                id: components["schemas"]["TokenId"];
                /** @description Always `grant`. */
                kind?: string;
                mission_id?: components["schemas"]["MissionId"] | null;
                /** @description The agent's name. */
                principal: string;
                /** @description The agent. */
                principal_id: components["schemas"]["PrincipalId"];
                session_id?: components["schemas"]["SessionId"] | null;
                task_id?: components["schemas"]["TaskId"] | null;
                /** @description `mcg_…`; absent when the answer is repeated for the same idempotency key. */
                token?: string | null;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_JoinToken: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description SHA-256 of the installation's CA certificate (DER), lowercase hex. */
                ca_sha256: string;
                /** @description When it was made. */
                created_at: components["schemas"]["Timestamp"];
                /** @description Who made it. */
                created_by: components["schemas"]["PrincipalId"];
                /** @description When it ends. */
                expires_at: components["schemas"]["Timestamp"];
                /** @description The id. */
                id: components["schemas"]["TokenId"];
                /** @description Always `join_token`. */
                kind?: string;
                node_name?: components["schemas"]["Name"] | null;
                /** @description The gRPC endpoint to join at, as this server advertises it. */
                server: string;
                /** @description `mcj_<id>.<secret>.<ca_sha256>`; absent after it was shown. */
                token?: string | null;
                /**
                 * Format: int64
                 * @description How many have.
                 */
                used: number;
                /**
                 * Format: int64
                 * @description How many nodes may join with it.
                 */
                uses: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_Kluster: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description For people and tools. */
                annotations: components["schemas"]["Labels"];
                /** @description When it was created. */
                created_at: components["schemas"]["Timestamp"];
                /** @description Who created it. */
                created_by: components["schemas"]["PrincipalId"];
                /** @description Markdown. */
                description: string;
                /** @description The id. */
                id: components["schemas"]["KlusterId"];
                /** @description Always `kluster`. */
                kind?: string;
                /** @description For selection. */
                labels: components["schemas"]["Labels"];
                /**
                 * Format: int32
                 * @description At most so many of its tasks are claimed or running at once, 1 to 10000; absent for no limit.
                 */
                max_running?: number | null;
                /** @description The mission's name. */
                mission: components["schemas"]["Name"];
                /** @description The mission it belongs to. */
                mission_id: components["schemas"]["MissionId"];
                /** @description Unique in the mission. */
                name: components["schemas"]["Name"];
                overlap_policy?: components["schemas"]["OverlapPolicy"] | null;
                runtime?: components["schemas"]["Name"] | null;
                /** @description Its state. */
                state?: components["schemas"]["KlusterState"];
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Optimistic lock; also the `ETag`.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_LedgerEvent: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description What was done: `subject.verb`. */
                action: string;
                /** @description The body's canonical text (RFC 8785). */
                body?: string | null;
                /** @description SHA-256 of the body's canonical text, lowercase hex. */
                body_sha256: string;
                /** @description Hash of this event, lowercase hex. */
                hash: string;
                /** @description The id. */
                id: components["schemas"]["EventId"];
                mission_id?: components["schemas"]["MissionId"] | null;
                /** @description When. */
                occurred_at: components["schemas"]["Timestamp"];
                /** @description Hash of the event before, lowercase hex. */
                prev: string;
                /** @description The name of who did it. */
                principal?: string | null;
                /** @description Who did it. */
                principal_id: components["schemas"]["PrincipalId"];
                /** @description The request's id. */
                request_id: string;
                /**
                 * Format: int64
                 * @description Position in the chain, dense from 1.
                 */
                seq: number;
                /** @description The subject's id. */
                subject_id: string;
                /** @description The kind of the subject, such as `task`. */
                subject_kind: string;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_Login: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description When it began. */
                created_at: components["schemas"]["Timestamp"];
                /** @description When it ends. */
                expires_at: components["schemas"]["Timestamp"];
                /** @description The id. */
                id: components["schemas"]["TokenId"];
                /** @description Whether it is the one in use. */
                is_current: boolean;
                /** @description Always `login`. */
                kind?: string;
                principal?: components["schemas"]["Name"] | null;
                principal_id?: components["schemas"]["PrincipalId"] | null;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_Mission: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description For people and tools; not selectable. */
                annotations: components["schemas"]["Labels"];
                /** @description When it was created. */
                created_at: components["schemas"]["Timestamp"];
                /** @description Who created it. */
                created_by: components["schemas"]["PrincipalId"];
                /** @description What it is about, Markdown. */
                description: string;
                /** @description The id. */
                id: components["schemas"]["MissionId"];
                /** @description The first part of its tasks' keys; fixed at creation, never used again. */
                key_prefix: string;
                /** @description Always `mission`. */
                kind?: string;
                /** @description For selection. */
                labels: components["schemas"]["Labels"];
                /** @description Unique in the organization. */
                name: components["schemas"]["Name"];
                overlap_policy?: components["schemas"]["OverlapPolicy"] | null;
                /** @description While it is paused, nobody claims its tasks; what is claimed goes on. */
                paused?: boolean;
                /** @description What `paused` says, as a word. */
                state?: components["schemas"]["MissionState"];
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Optimistic lock; also the `ETag`.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_Node: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description Takes no new agent sessions. */
                cordoned: boolean;
                /** @description When it joined. */
                created_at: components["schemas"]["Timestamp"];
                drained_at?: components["schemas"]["Timestamp"] | null;
                /** @description Takes nothing new until its last agent session has ended; it is cordoned then as well. */
                draining?: boolean;
                /** @description What it says of itself. */
                facts: components["schemas"]["NodeFacts"];
                /** @description The id. */
                id: components["schemas"]["NodeId"];
                /** @description It is being drained, and no agent session is left on it. */
                is_drained?: boolean;
                /** @description Always `node`. */
                kind?: string;
                /** @description When it was last heard. */
                last_seen_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Agent sessions on it that have not ended.
                 */
                live_sessions: number;
                /** @description Unique among the nodes that are not revoked. */
                name: components["schemas"]["Name"];
                /** @description The principal it acts as. */
                principal_id: components["schemas"]["PrincipalId"];
                /** @description Whether it can be relied on. */
                state: components["schemas"]["NodeState"];
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Optimistic lock; also the `ETag`.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_OverlapSuggestion: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description Whether the caller named the candidate when it made the subject. */
                acknowledged: boolean;
                /** @description What is best done. */
                action: components["schemas"]["OverlapAction"];
                /** @description The existing work. */
                candidate: components["schemas"]["OverlapSide"];
                /** @description When it was found. */
                created_at: components["schemas"]["Timestamp"];
                decided_at?: components["schemas"]["Timestamp"] | null;
                decided_by?: components["schemas"]["PrincipalId"] | null;
                /** @description Why. */
                evidence: components["schemas"]["OverlapEvidence"][];
                /** @description The id. */
                id: components["schemas"]["OverlapId"];
                /** @description Always `overlap`. */
                kind?: string;
                /**
                 * Format: double
                 * @description How alike the words are, 0 to 1.
                 */
                lexical: number;
                /** @description Why it was dismissed, or what was said with the acceptance. */
                note?: string | null;
                resolution?: components["schemas"]["OverlapAction"] | null;
                /**
                 * Format: double
                 * @description How likely both are the same work, 0 to 1, in thousandths.
                 */
                score: number;
                /** @description The state. */
                state: components["schemas"]["OverlapState"];
                /** @description What was created or changed. */
                subject: components["schemas"]["OverlapSide"];
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * Format: double
                 * @description How alike the meanings are, 0 to 1; 0 when no vector was compared.
                 */
                vector: number;
                /**
                 * Format: int64
                 * @description Optimistic lock; also the `ETag`.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_Principal: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description When it was created. */
                created_at: components["schemas"]["Timestamp"];
                /** @description The id. */
                id: components["schemas"]["PrincipalId"];
                /** @description Always `principal`. */
                kind?: string;
                /** @description Roles in single missions, beside the organization's. */
                mission_roles: components["schemas"]["MissionRole"][];
                /** @description Unique in the organization. */
                name: components["schemas"]["Name"];
                /** @description The sort of subject. */
                principal_kind: components["schemas"]["PrincipalKind"];
                role?: components["schemas"]["Role"] | null;
                /**
                 * Format: int64
                 * @description Optimistic lock.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_PrincipalName: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description The id. */
                id: components["schemas"]["PrincipalId"];
                /** @description Always `principal_name`. */
                kind?: string;
                /** @description The name. */
                name: components["schemas"]["Name"];
                node_id?: components["schemas"]["NodeId"] | null;
                /** @description The sort of subject. */
                principal_kind: components["schemas"]["PrincipalKind"];
                session_id?: components["schemas"]["SessionId"] | null;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_Profile: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description It is the owner's choice where no profile is named; at most one is. */
                activated?: boolean;
                /** @description When it was first stored. */
                created_at: components["schemas"]["Timestamp"];
                /** @description What it is for. */
                description: string;
                /**
                 * Format: int64
                 * @description How many files it has.
                 */
                file_count: number;
                /** @description The id. */
                id: components["schemas"]["ProfileId"];
                /** @description Always `profile`. */
                kind?: string;
                /**
                 * Format: int64
                 * @description The number of the newest version.
                 */
                latest_version: number;
                /** @description Unique among the owner's. */
                name: components["schemas"]["Name"];
                /** @description Whose it is. */
                owner_id: components["schemas"]["PrincipalId"];
                /**
                 * Format: int64
                 * @description The version that is given where none is named, instead of the newest.
                 */
                pinned_version?: number | null;
                /** @description SHA-256 of its archive, lowercase hex. */
                sha256: string;
                /**
                 * Format: int64
                 * @description Bytes of its archive.
                 */
                size_bytes: number;
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Optimistic lock; also the `ETag`. Not a version of the files.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_ProfileVersion: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description When it was stored. */
                created_at: components["schemas"]["Timestamp"];
                /** @description The files, sorted by path. */
                files: components["schemas"]["BundleFile"][];
                /** @description Why it was stored. */
                note: string;
                /**
                 * Format: int64
                 * @description 1, 2, 3 …
                 */
                number: number;
                /** @description The profile. */
                profile_id: components["schemas"]["ProfileId"];
                /** @description SHA-256 of the archive, lowercase hex. */
                sha256: string;
                /**
                 * Format: int64
                 * @description Bytes of the archive.
                 */
                size_bytes: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_Publication: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description The approval that covers exactly these artifacts and digests. */
                approval_id: components["schemas"]["ApprovalId"];
                /** @description The artifacts among the items, in the order of their ids. */
                artifacts: components["schemas"]["ArtifactId"][];
                binding?: components["schemas"]["Name"] | null;
                binding_id?: components["schemas"]["BindingId"] | null;
                /** @description The commit, once published. */
                commit?: string | null;
                /** @description When it was asked. */
                created_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description How often it failed to be committed or pushed.
                 */
                failures?: number;
                /** @description The id; also in the commit's trailer. */
                id: components["schemas"]["BatchId"];
                /** @description What is published, which state of it, and where. */
                items?: components["schemas"]["PublicationItem"][];
                /** @description Always `publication`. */
                kind?: string;
                /** @description Why it failed last; empty again once published. */
                last_error?: string | null;
                /** @description First line of the commit message. */
                message: string;
                /** @description The mission's name. */
                mission: components["schemas"]["Name"];
                /** @description The mission whose artifacts are published. */
                mission_id: components["schemas"]["MissionId"];
                next_attempt_at?: components["schemas"]["Timestamp"] | null;
                replaces?: components["schemas"]["BatchId"] | null;
                /** @description Who asked. */
                requester_id: components["schemas"]["PrincipalId"];
                /** @description The state. */
                state: components["schemas"]["PublicationState"];
                /**
                 * Format: int64
                 * @description Every task number that the mission had given when this was asked for is below; a rebuilt installation goes on above.
                 */
                task_numbers_below?: number;
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Optimistic lock.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_Reservation: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description When it was asked for. */
                created_at: components["schemas"]["Timestamp"];
                /** @description When the lease ends unless it is renewed. */
                expires_at: components["schemas"]["Timestamp"];
                /** @description Which paths, as they were written. */
                globs: string[];
                /** @description The id. */
                id: components["schemas"]["ReservationId"];
                /** @description Always `reservation`. */
                kind?: string;
                /** @description The mission's name. */
                mission: components["schemas"]["Name"];
                /** @description The mission in which it is seen. */
                mission_id: components["schemas"]["MissionId"];
                /** @description Whom it tolerates. */
                mode: components["schemas"]["ReservationMode"];
                /** @description Their name. */
                principal: string;
                /** @description Who asked for it. */
                principal_id: components["schemas"]["PrincipalId"];
                /** @description What for. */
                reason?: string | null;
                /** @description The repository, in its canonical form. */
                repository: components["schemas"]["Repository"];
                session_id?: components["schemas"]["SessionId"] | null;
                /** @description The state. */
                state: components["schemas"]["ReservationState"];
                /** @description The task's key. */
                task?: string | null;
                task_id?: components["schemas"]["TaskId"] | null;
                /**
                 * Format: int32
                 * @description The length of its lease.
                 */
                ttl_seconds: number;
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Optimistic lock; a renewal is no new version.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_SessionEvent: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description When the node recorded it. */
                at: components["schemas"]["Timestamp"];
                /** @description Content; its form depends on the kind. Those of permissions name the approval that decides: `approval_id`. */
                body: Record<string, unknown>;
                /**
                 * @description `prompt message thought tool_call plan permission_open permission_answer turn_end state interrupted gap
                 *     context_lost stderr other`.
                 */
                kind: string;
                /**
                 * Format: int64
                 * @description Position in the session, rising; numbers of records that only serve the protocol are skipped.
                 */
                seq: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_SkillBundle: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description When it was stored. */
                created_at: components["schemas"]["Timestamp"];
                /** @description Who stored it. */
                created_by: components["schemas"]["PrincipalId"];
                /**
                 * Format: int64
                 * @description How many files are in it.
                 */
                file_count: number;
                /** @description The id. */
                id: components["schemas"]["SkillBundleId"];
                /** @description The key that signed it. */
                key_id: string;
                /** @description Always `skill`. */
                kind?: string;
                kluster?: components["schemas"]["Name"] | null;
                kluster_id?: components["schemas"]["KlusterId"] | null;
                /** @description The mission's name. */
                mission: components["schemas"]["Name"];
                /** @description The mission it belongs to. */
                mission_id: components["schemas"]["MissionId"];
                /** @description `m` or `k` and the number: `m3`, `k2`. */
                name: string;
                /** @description Why it was stored. */
                note: string;
                /**
                 * Format: int64
                 * @description 1, 2, 3 … in the mission or kluster.
                 */
                number: number;
                /** @description What it takes out of the mission's bundle: files, or folders. */
                removes: string[];
                /** @description SHA-256 of the archive, lowercase hex. */
                sha256: string;
                /** @description Ed25519 over what it is and the digest, Base64. */
                signature: string;
                /**
                 * Format: int64
                 * @description Bytes of the archive.
                 */
                size_bytes: number;
                /** @description Where it stands. */
                state: components["schemas"]["SkillState"];
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Optimistic lock; also the `ETag`. Not the number.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_SkillSync: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description What was changed since it was written there. */
                drift: components["schemas"]["Drift"];
                /** @description Which version, `m<n>-k<n>`. */
                effective_version: string;
                /** @description The id. */
                id: components["schemas"]["SkillSyncId"];
                /** @description Always `skill_sync`. */
                kind: string;
                kluster?: components["schemas"]["Name"] | null;
                kluster_id?: components["schemas"]["KlusterId"] | null;
                /** @description Its name. */
                mission: components["schemas"]["Name"];
                /** @description The mission. */
                mission_id: components["schemas"]["MissionId"];
                /** @description Where: a folder of a machine, or `session`. */
                place: string;
                /** @description Who has them. */
                principal_id: components["schemas"]["PrincipalId"];
                /** @description When it was last said. */
                reported_at: components["schemas"]["Timestamp"];
                session_id?: components["schemas"]["SessionId"] | null;
                /** @description Its digest. */
                sha256: string;
                /** @description How the two compare. */
                state: components["schemas"]["SkillSyncState"];
                /** @description The version that it should be now. */
                wanted_version: string;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_Task: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description For people and tools. */
                annotations: components["schemas"]["Labels"];
                /**
                 * Format: int32
                 * @description The number of the newest attempt; 0 before the first.
                 */
                attempt: number;
                /** @description What a claimant must be capable of. */
                capabilities: string[];
                claim?: components["schemas"]["Claim"] | null;
                /** @description When it was created. */
                created_at: components["schemas"]["Timestamp"];
                /** @description Who created it. */
                created_by: components["schemas"]["PrincipalId"];
                /** @description What must be true when it is done, Markdown. */
                definition_of_done: string;
                /** @description The tasks it waits for. */
                depends_on: components["schemas"]["Dependency"][];
                /** @description Markdown. */
                description: string;
                /** @description The id. */
                id: components["schemas"]["TaskId"];
                /** @description `<mission key prefix>-<n>`; accepted wherever an id is. */
                key: string;
                /** @description Always `task`. */
                kind?: string;
                /** @description The kluster's name. */
                kluster: components["schemas"]["Name"];
                /** @description The kluster it belongs to. */
                kluster_id: components["schemas"]["KlusterId"];
                /** @description For selection. */
                labels: components["schemas"]["Labels"];
                /**
                 * Format: int32
                 * @description After this many attempts an expiry fails the task.
                 */
                max_attempts: number;
                /** @description The mission's name. */
                mission: components["schemas"]["Name"];
                /** @description The mission it belongs to. */
                mission_id: components["schemas"]["MissionId"];
                name?: components["schemas"]["Name"] | null;
                /** @description What happens when one of them fails. */
                on_dependency_failure: components["schemas"]["OnDependencyFailure"];
                /**
                 * Format: int32
                 * @description How many of them are unfinished.
                 */
                open_dependency_count: number;
                parent_id?: components["schemas"]["TaskId"] | null;
                /** @description Globs of paths it will touch. */
                paths: string[];
                /**
                 * Format: int32
                 * @description Higher is claimed first; 0 to 100.
                 */
                priority: number;
                /** @description The words that came with it. */
                progress_note?: string | null;
                /**
                 * Format: int32
                 * @description What the newest attempt reported last: 0 to 100.
                 */
                progress_percent?: number | null;
                /** @description Why it is in this state, when that is not plain: `attempts_exhausted`, `dependency_failed`, or a person's note. */
                reason?: string | null;
                /** @description The result in words. */
                result?: string | null;
                result_artifact_id?: components["schemas"]["ArtifactId"] | null;
                /**
                 * Format: int32
                 * @description Reviews needed before it is done; 0 means none.
                 */
                review_gates: number;
                runtime?: components["schemas"]["Name"] | null;
                /** @description The state. */
                state: components["schemas"]["TaskState"];
                /** @description One line. */
                title: string;
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Optimistic lock; also the `ETag`.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_TaskCounts: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description By state. */
                counts: components["schemas"]["StateCounts"];
                kluster?: components["schemas"]["Name"] | null;
                kluster_id?: components["schemas"]["KlusterId"] | null;
                /** @description The mission's name. */
                mission: components["schemas"]["Name"];
                /** @description The mission. */
                mission_id: components["schemas"]["MissionId"];
                /**
                 * Format: int64
                 * @description All together.
                 */
                total: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_TaskTemplate: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description Who wrote this version. */
                author_id: components["schemas"]["PrincipalId"];
                /** @description When it was created. */
                created_at: components["schemas"]["Timestamp"];
                /** @description Who created it. */
                created_by: components["schemas"]["PrincipalId"];
                /** @description What it is for, Markdown. */
                description: string;
                /** @description The id. */
                id: components["schemas"]["TemplateId"];
                /** @description Always `template`. */
                kind?: string;
                /**
                 * Format: int64
                 * @description The newest version.
                 */
                latest_version: number;
                /** @description The mission's name. */
                mission: components["schemas"]["Name"];
                /** @description The mission it belongs to. */
                mission_id: components["schemas"]["MissionId"];
                /** @description Unique in its mission. */
                name: components["schemas"]["Name"];
                /**
                 * Format: int64
                 * @description Which version the members below are of.
                 */
                number: number;
                /** @description What may be given. */
                parameters: components["schemas"]["Parameter"][];
                /** @description What it makes. */
                task: components["schemas"]["TemplateTask"];
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Optimistic lock; also the `ETag`.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description One page of a list, in the list's total order. */
        Page_Turn: {
            /** @description The objects of this page, at most `limit`. */
            items: {
                /** @description When it was accepted. */
                created_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Its first event.
                 */
                first_seq?: number | null;
                /** @description The id. */
                id: components["schemas"]["TurnId"];
                /** @description Always `turn`. */
                kind?: string;
                /**
                 * Format: int64
                 * @description Its last event.
                 */
                last_seq?: number | null;
                /** @description The agent's words in this turn, at most 64 KiB of them. */
                message: string;
                /**
                 * Format: int64
                 * @description 1, 2, … in the session.
                 */
                number: number;
                /** @description The prompt's text. */
                prompt: string;
                /** @description Who prompted. */
                requester_id: components["schemas"]["PrincipalId"];
                /** @description The agent session. */
                session_id: components["schemas"]["SessionId"];
                /** @description The state. */
                state: components["schemas"]["TurnState"];
                /** @description How the agent ended it: `end_turn`, `max_tokens`, `max_turn_requests`, `refusal`, `cancelled`. */
                stop_reason?: string | null;
                /** @description When it last changed. */
                updated_at: components["schemas"]["Timestamp"];
                /**
                 * Format: int64
                 * @description Optimistic lock.
                 */
                version: number;
            }[];
            /** @description Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter. */
            next_cursor?: string | null;
        };
        /** @description A parameter of a template. */
        Parameter: {
            /** @description The only values it may have; empty for any. At most 64. */
            choices?: string[];
            /** @description The value when none is given; without it the parameter must be given. */
            default?: string | null;
            /** @description For people. */
            description?: string;
            /** @description What `{{ name }}` in the texts stands for; a DNS label. */
            name: components["schemas"]["Name"];
        };
        /** @description The reservations that touch what was asked for. */
        PathCheck: {
            /** @description Pending and active ones, oldest first; own ones too. */
            overlaps: components["schemas"]["Overlap"][];
            /** @description The repository, in its canonical form. */
            repository: components["schemas"]["Repository"];
        };
        /** @description An entity that changed since it was last published, or never was. */
        PendingEntity: {
            binding?: components["schemas"]["Name"] | null;
            change?: components["schemas"]["PlannedChange"] | null;
            /** @description Its id. */
            entity_id: string;
            /** @description Its kind. */
            entity_type: components["schemas"]["EntityKind"];
            /**
             * Format: int64
             * @description How many events of it are not published there.
             */
            events: number;
            /**
             * Format: int64
             * @description The position of the newest.
             */
            last_seq: number;
            /** @description Why no route takes it. */
            no_route?: string | null;
            /** @description The file; absent when no route takes it. */
            path?: string | null;
        };
        /** @description What waits for publication in a mission, and where it waits to go. */
        PendingList: {
            /** @description Oldest change first; an entity that waits for two targets is there twice. */
            items: components["schemas"]["PendingEntity"][];
            /** @description Always `pending`. */
            kind: string;
            /** @description One for each target that something waits for. */
            targets?: components["schemas"]["PendingTarget"][];
        };
        /** @description What waits for one target of a mission. */
        PendingTarget: {
            /**
             * Format: int64
             * @description Publications of the mission to it that wait for their approval.
             */
            awaiting_approval: number;
            binding?: components["schemas"]["Name"] | null;
            binding_id?: components["schemas"]["BindingId"] | null;
            /** @description The branch. */
            branch: string;
            /**
             * Format: int64
             * @description Entities among the items that would be written.
             */
            changed: number;
            /**
             * Format: int64
             * @description Publications that failed and wait for somebody.
             */
            failed: number;
            /**
             * Format: int64
             * @description Publications that wait for their commit.
             */
            queued: number;
            /**
             * Format: int64
             * @description Files among the items that would be removed.
             */
            removed: number;
            /** @description The repository. */
            repository: string;
        };
        /** @description Keeps to a version of a profile, named by its digest or its number; neither: the newest is given again. */
        PinProfile: {
            /**
             * Format: int64
             * @description The version's number.
             */
            number?: number | null;
            /** @description SHA-256 of the version's archive, lowercase hex; of several versions with it the newest is meant. */
            sha256?: string | null;
        };
        /** @enum {string} */
        PlannedChange: "create" | "update" | "unchanged" | "remove";
        /** @description An entity of a plan. */
        PlannedItem: components["schemas"]["PublicationItem"] & {
            binding?: components["schemas"]["Name"] | null;
            /** @description The branch. */
            branch: string;
            /** @description What publishing would change. */
            change: components["schemas"]["PlannedChange"];
            /** @description The repository. */
            repository: string;
            /**
             * Format: int32
             * @description The number of the route in the policy, from 0; absent: no route fits.
             */
            route?: number | null;
        };
        /** @description What would be published (`POST /api/v1/publications/plan`); nothing is changed. */
        PlanPublication: {
            /** @description 1 to 256. */
            entities: components["schemas"]["EntityRef"][];
            /** @description Mission id or name. */
            mission: string;
        };
        /** @description A principal. */
        Principal: {
            /** @description When it was created. */
            created_at: components["schemas"]["Timestamp"];
            /** @description The id. */
            id: components["schemas"]["PrincipalId"];
            /** @description Always `principal`. */
            kind?: string;
            /** @description Roles in single missions, beside the organization's. */
            mission_roles: components["schemas"]["MissionRole"][];
            /** @description Unique in the organization. */
            name: components["schemas"]["Name"];
            /** @description The sort of subject. */
            principal_kind: components["schemas"]["PrincipalKind"];
            role?: components["schemas"]["Role"] | null;
            /**
             * Format: int64
             * @description Optimistic lock.
             */
            version: number;
        };
        PrincipalId: string;
        /** @enum {string} */
        PrincipalKind: "bootstrap" | "user" | "agent" | "node" | "service_account";
        /** @description The name behind the id of a principal (`GET /api/v1/principal-names`). */
        PrincipalName: {
            /** @description The id. */
            id: components["schemas"]["PrincipalId"];
            /** @description Always `principal_name`. */
            kind?: string;
            /** @description The name. */
            name: components["schemas"]["Name"];
            node_id?: components["schemas"]["NodeId"] | null;
            /** @description The sort of subject. */
            principal_kind: components["schemas"]["PrincipalKind"];
            session_id?: components["schemas"]["SessionId"] | null;
        };
        /** @description A problem document: the body of every answer that is an error. */
        Problem: {
            /** @description The reservations in the way, for conflicts of reservations. */
            conflicts?: components["schemas"]["Overlap"][];
            /** @description What happened this time, and what to do. */
            detail: string;
            /** @description The rules broken, for validation problems. */
            errors?: components["schemas"]["FieldError"][];
            /** @description The path of the request. */
            instance?: string | null;
            /** @description The existing work in the way, for overlaps. */
            overlap_suggestions?: components["schemas"]["OverlapFinding"][];
            /** @description The request's id, for the server's log. */
            request_id?: string | null;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description Fixed per kind. */
            title: string;
            /** @description `urn:missioncontrol:problem:<slug>`. */
            type: string;
            /** @description The changes that do not fit, for version conflicts. */
            version_conflicts?: components["schemas"]["Conflict"][];
        };
        /** @description A profile: a name of its owner's for a tree of files. */
        Profile: {
            /** @description It is the owner's choice where no profile is named; at most one is. */
            activated?: boolean;
            /** @description When it was first stored. */
            created_at: components["schemas"]["Timestamp"];
            /** @description What it is for. */
            description: string;
            /**
             * Format: int64
             * @description How many files it has.
             */
            file_count: number;
            /** @description The id. */
            id: components["schemas"]["ProfileId"];
            /** @description Always `profile`. */
            kind?: string;
            /**
             * Format: int64
             * @description The number of the newest version.
             */
            latest_version: number;
            /** @description Unique among the owner's. */
            name: components["schemas"]["Name"];
            /** @description Whose it is. */
            owner_id: components["schemas"]["PrincipalId"];
            /**
             * Format: int64
             * @description The version that is given where none is named, instead of the newest.
             */
            pinned_version?: number | null;
            /** @description SHA-256 of its archive, lowercase hex. */
            sha256: string;
            /**
             * Format: int64
             * @description Bytes of its archive.
             */
            size_bytes: number;
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Optimistic lock; also the `ETag`. Not a version of the files.
             */
            version: number;
        };
        ProfileId: string;
        /** @description Which version of a profile is given now, and how what somebody has compares with it. */
        ProfileStatus: {
            /** @description It is the owner's choice where no profile is named. */
            activated: boolean;
            /** @description The digest that was asked for. */
            expected_sha256?: string | null;
            /**
             * Format: int64
             * @description The newest version that has it.
             */
            expected_version?: number | null;
            /** @description Its digest. */
            given_sha256: string;
            /**
             * Format: int64
             * @description The version that is given: the pinned one, else the newest.
             */
            given_version: number;
            /** @description Always `profile_status`. */
            kind: string;
            /**
             * Format: int64
             * @description The newest version.
             */
            latest_version: number;
            /** @description Its name. */
            name: components["schemas"]["Name"];
            /**
             * Format: int64
             * @description The version that the owner keeps to.
             */
            pinned_version?: number | null;
            /** @description The profile. */
            profile_id: components["schemas"]["ProfileId"];
            /** @description How the two compare. */
            state: components["schemas"]["ProfileSync"];
        };
        /** @enum {string} */
        ProfileSync: "in_sync" | "outdated" | "drifted" | "unknown";
        /** @description A version of a profile. It never changes. */
        ProfileVersion: {
            /** @description When it was stored. */
            created_at: components["schemas"]["Timestamp"];
            /** @description The files, sorted by path. */
            files: components["schemas"]["BundleFile"][];
            /** @description Why it was stored. */
            note: string;
            /**
             * Format: int64
             * @description 1, 2, 3 …
             */
            number: number;
            /** @description The profile. */
            profile_id: components["schemas"]["ProfileId"];
            /** @description SHA-256 of the archive, lowercase hex. */
            sha256: string;
            /**
             * Format: int64
             * @description Bytes of the archive.
             */
            size_bytes: number;
        };
        /**
         * @description Makes what was changed in a copy of the skills the next version of a bundle, a draft: of the kluster's when one is
         *     named, which then stands over the mission's, else of the mission's.
         */
        PromoteSkills: {
            /** @description The version that the copy was made of, `m<n>-k<n>`; another than what holds now is refused. Absent: what holds now. */
            effective_version?: string | null;
            /** @description The files that were added or changed, as they are in the copy. */
            files?: components["schemas"]["TreeFile"][];
            /** @description Kluster id or name; absent: for all of the mission. */
            kluster?: string | null;
            /** @description The files that were removed. */
            missing?: string[];
            /** @description Mission id or name. */
            mission: string;
            /** @description Why. */
            note?: string;
        };
        /** @description Prompts an agent session (`POST /api/v1/sessions/{ref}/prompt`). Prompts queue; one is with the agent at a time. */
        PromptSession: {
            /** @description The prompt, 1 byte to 256 KiB. */
            text: string;
        };
        /** @description What was set up. */
        ProvisionedPersistence: {
            /** @description The binding. */
            binding: components["schemas"]["Binding"];
            /** @description The policy. */
            policy: components["schemas"]["PublicationPolicy"];
        };
        /** @description Sets up where a mission publishes in one step: the binding, and the policy that uses it. */
        ProvisionPersistence: {
            /** @description Default `missions/<mission>`. */
            base_path?: string | null;
            binding?: components["schemas"]["Name"] | null;
            /** @description Default `main`. */
            branch?: string | null;
            /** @description Connection id or name. */
            connection: string;
            /** @description Default false. */
            fail_closed?: boolean;
            /** @description Mission id or name. */
            mission_id: string;
            /** @description The repository below the connection's URL. */
            repository: string;
            /** @description Default none: everything goes to the binding. */
            routes?: components["schemas"]["Route"][];
        };
        /** @description A publication: one commit in the Git ledger. */
        Publication: {
            /** @description The approval that covers exactly these artifacts and digests. */
            approval_id: components["schemas"]["ApprovalId"];
            /** @description The artifacts among the items, in the order of their ids. */
            artifacts: components["schemas"]["ArtifactId"][];
            binding?: components["schemas"]["Name"] | null;
            binding_id?: components["schemas"]["BindingId"] | null;
            /** @description The commit, once published. */
            commit?: string | null;
            /** @description When it was asked. */
            created_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description How often it failed to be committed or pushed.
             */
            failures?: number;
            /** @description The id; also in the commit's trailer. */
            id: components["schemas"]["BatchId"];
            /** @description What is published, which state of it, and where. */
            items?: components["schemas"]["PublicationItem"][];
            /** @description Always `publication`. */
            kind?: string;
            /** @description Why it failed last; empty again once published. */
            last_error?: string | null;
            /** @description First line of the commit message. */
            message: string;
            /** @description The mission's name. */
            mission: components["schemas"]["Name"];
            /** @description The mission whose artifacts are published. */
            mission_id: components["schemas"]["MissionId"];
            next_attempt_at?: components["schemas"]["Timestamp"] | null;
            replaces?: components["schemas"]["BatchId"] | null;
            /** @description Who asked. */
            requester_id: components["schemas"]["PrincipalId"];
            /** @description The state. */
            state: components["schemas"]["PublicationState"];
            /**
             * Format: int64
             * @description Every task number that the mission had given when this was asked for is below; a rebuilt installation goes on above.
             */
            task_numbers_below?: number;
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Optimistic lock.
             */
            version: number;
        };
        /** @description An entity as it is published: which state of it, and where. */
        PublicationItem: {
            /** @description Its id. */
            entity_id: string;
            /** @description Its kind. */
            entity_type: components["schemas"]["EntityKind"];
            /**
             * Format: int64
             * @description Its version when it was asked for.
             */
            entity_version: number;
            /** @description How it is written. */
            format: components["schemas"]["PublishFormat"];
            /** @description Absent: `write`. */
            operation?: components["schemas"]["ItemOperation"];
            /** @description The file in the repository. */
            path: string;
            /** @description SHA-256 of the canonical text of its state; of a removal: of the state that was published last. */
            sha256: string;
        };
        /** @description What a mission publishes where (`GET /api/v1/publication-policies/{mission}`). */
        PublicationPolicy: {
            default_binding?: components["schemas"]["Name"] | null;
            /** @description What no route fits, and no default binding takes, is refused. */
            fail_closed: boolean;
            /** @description Always `publication_policy`. */
            kind: string;
            /** @description The mission's name. */
            mission: components["schemas"]["Name"];
            /** @description The mission. */
            mission_id: components["schemas"]["MissionId"];
            /** @description In order; the first that fits counts. */
            routes: components["schemas"]["Route"][];
            updated_at?: components["schemas"]["Timestamp"] | null;
            /**
             * Format: int64
             * @description Optimistic lock; also the `ETag`. 0: nothing was ever set.
             */
            version: number;
        };
        /** @enum {string} */
        PublicationState: "awaiting_approval" | "queued" | "published" | "rejected" | "failed" | "withdrawn";
        /** @description How far a mission is published (`GET /api/v1/publications/status`). */
        PublicationStatus: {
            /**
             * Format: int64
             * @description Publications that wait for their approval.
             */
            awaiting_approval: number;
            /**
             * Format: int64
             * @description Publications that failed for good, or too often: somebody retries or withdraws them.
             */
            failed?: number;
            /** @description Always `publication_status`. */
            kind: string;
            /** @description The mission. */
            mission_id: components["schemas"]["MissionId"];
            /** @description The newest publications, newest first. */
            publications: components["schemas"]["Publication"][];
            /**
             * Format: int64
             * @description Publications in Git.
             */
            published: number;
            /**
             * Format: int64
             * @description Publications that wait for their commit.
             */
            queued: number;
            /**
             * Format: int64
             * @description Of those, how many failed at least once.
             */
            retrying: number;
            /**
             * Format: int64
             * @description Publications that were given up.
             */
            withdrawn?: number;
        };
        /** @description Publishes a version. */
        PublishDoc: {
            /**
             * Format: int64
             * @description Which version: the one that was read.
             */
            version: number;
        };
        /** @description What came of it. */
        PublishedPending: {
            /** @description Always `published_pending`. */
            kind: string;
            /** @description What was left out. */
            left_out: components["schemas"]["LeftOut"][];
            /** @description One for each binding. */
            publications: components["schemas"]["Publication"][];
            /** @description What still waits for each target, with these publications. */
            targets?: components["schemas"]["PendingTarget"][];
        };
        /** @enum {string} */
        PublishFormat: "markdown" | "yaml" | "json";
        /** @description Asks for the publication of everything that waits (`POST /api/v1/publications/pending`). */
        PublishPending: {
            /**
             * @description Only what goes to this binding, by name or id; `-`: only what goes to the Git ledger of the installation. Absent:
             *     every target.
             */
            binding?: string | null;
            /** @description Mission id or name. */
            mission_id: string;
        };
        /** @description What a publication would do. */
        PublishPlan: {
            /** @description The kind of approval that is needed; always `publish`. */
            approval_kind: string;
            /** @description In the order of the request. */
            items: components["schemas"]["PlannedItem"][];
            /** @description Always `publish_plan`. */
            kind: string;
            /** @description The mission's name. */
            mission: components["schemas"]["Name"];
            /** @description The mission. */
            mission_id: components["schemas"]["MissionId"];
            /**
             * Format: int32
             * @description How many publications it takes: one for each binding.
             */
            publications: number;
            /** @description Whether the one who asks may also decide. */
            self_approval: boolean;
            /** @description What waits in the mission for each target that the plan names, this plan's entities among it. */
            targets?: components["schemas"]["PendingTarget"][];
        };
        /** @description Writes a new version. The same text as the newest makes none. */
        PutDocVersion: {
            /** @description Overlapping texts that the caller has seen and takes into account: ids or names, at most 64. */
            acknowledge_overlap?: string[];
            /**
             * Format: int64
             * @description The version that the text was made of; another than the newest is refused.
             */
            base_version: number;
            /** @description The whole text, at most 1 MiB of UTF-8. */
            content: string;
            /** @description Why it was written. */
            note?: string;
            /** @description One line of 1 to 300 characters; absent keeps. */
            title?: string | null;
        };
        /** @description Replaces the policy of a mission (`PUT`). */
        PutPublicationPolicy: {
            default_binding?: components["schemas"]["Name"] | null;
            /** @description Refuse what has no route. */
            fail_closed?: boolean;
            /** @description In order. */
            routes?: components["schemas"]["Route"][];
        };
        /** @description Gives the claim back (`POST …/release`). An operator may release without the attempt. */
        ReleaseTask: {
            /**
             * Format: int32
             * @description The fencing token.
             */
            attempt?: number | null;
            /** @description Why. */
            note?: string | null;
        };
        /** @description Gives the workspace back. */
        ReleaseWorkspace: {
            /** @description Why. */
            reason?: string | null;
        };
        /** @description Renews the lease of a reservation (`POST /api/v1/reservations/{ref}/renew`). */
        RenewReservation: {
            /**
             * Format: int32
             * @description The length of the lease from now, 60 to 86 400 seconds; default: as it was.
             */
            ttl_seconds?: number | null;
        };
        /** @description Reports progress and renews the lease (`POST …/progress`); moves `claimed` to `running`. */
        ReportProgress: {
            /**
             * Format: int32
             * @description The fencing token; may be absent when the caller's grant is for this task.
             */
            attempt?: number | null;
            /** @description At most 2000 characters. */
            note?: string | null;
            /**
             * Format: int32
             * @description 0 to 100.
             */
            percent?: number | null;
        };
        /** @description Says what one has. */
        ReportSkills: {
            /** @description What was changed since. */
            drift?: components["schemas"]["Drift"];
            /** @description Which version, `m<n>-k<n>`. */
            effective_version: string;
            /** @description Kluster id or name. */
            kluster?: string | null;
            /** @description Mission id or name. */
            mission: string;
            /** @description Where: 1 to 300 characters that tell the own copies apart. */
            place: string;
            /** @description Its digest, lowercase hex. */
            sha256: string;
        };
        /**
         * @description A repository as reservations name it: `host/path` for a remote, an absolute path for a local one. Where `host/path`
         *     could be read as something else (a host without a dot), `ssh://` stands before it, however it is cloned. The canonical
         *     text is read as itself.
         *
         *     Scheme, user, password, the suffix `.git` and slashes at the end are left out, the host is lowercase: whoever clones
         *     by HTTPS meets whoever clones by SSH. The port of SSH is left out too; another port of HTTP stays, because it may be
         *     another server. The case of the path is kept, since hosts differ in what they make of it.
         */
        Repository: string;
        /** @description A reservation of paths in a repository. */
        Reservation: {
            /** @description When it was asked for. */
            created_at: components["schemas"]["Timestamp"];
            /** @description When the lease ends unless it is renewed. */
            expires_at: components["schemas"]["Timestamp"];
            /** @description Which paths, as they were written. */
            globs: string[];
            /** @description The id. */
            id: components["schemas"]["ReservationId"];
            /** @description Always `reservation`. */
            kind?: string;
            /** @description The mission's name. */
            mission: components["schemas"]["Name"];
            /** @description The mission in which it is seen. */
            mission_id: components["schemas"]["MissionId"];
            /** @description Whom it tolerates. */
            mode: components["schemas"]["ReservationMode"];
            /** @description Their name. */
            principal: string;
            /** @description Who asked for it. */
            principal_id: components["schemas"]["PrincipalId"];
            /** @description What for. */
            reason?: string | null;
            /** @description The repository, in its canonical form. */
            repository: components["schemas"]["Repository"];
            session_id?: components["schemas"]["SessionId"] | null;
            /** @description The state. */
            state: components["schemas"]["ReservationState"];
            /** @description The task's key. */
            task?: string | null;
            task_id?: components["schemas"]["TaskId"] | null;
            /**
             * Format: int32
             * @description The length of its lease.
             */
            ttl_seconds: number;
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Optimistic lock; a renewal is no new version.
             */
            version: number;
        };
        ReservationId: string;
        /** @enum {string} */
        ReservationMode: "exclusive" | "shared";
        /** @enum {string} */
        ReservationState: "pending" | "active" | "released" | "expired" | "ended";
        /** @description What was rebuilt. */
        RestoredLedger: {
            /**
             * Format: int64
             * @description Artifacts.
             */
            artifacts: number;
            /** @description The commit that it comes from. */
            commit: string;
            /**
             * Format: int64
             * @description Versions of docs and keystones.
             */
            doc_versions?: number;
            /**
             * Format: int64
             * @description Docs without keystones.
             */
            docs: number;
            /** @description The installation whose state it is. */
            installation?: string;
            /**
             * Format: int64
             * @description Keystones.
             */
            keystones: number;
            /** @description Always `restored_ledger`. */
            kind: string;
            /**
             * Format: int64
             * @description Klusters, also those of which only the name is known.
             */
            klusters: number;
            /**
             * Format: int64
             * @description Missions, also those of which only the name is known.
             */
            missions: number;
            /** @description What is not as it was, such as an artifact whose bytes are not in Git. */
            notes: string[];
            /**
             * Format: int64
             * @description Tasks.
             */
            tasks: number;
            /** @description The hash there. */
            verified_hash: string;
            /**
             * Format: int64
             * @description The last position of the chain that was verified.
             */
            verified_seq: number;
        };
        /**
         * @description Rebuilds published state in an empty installation (`POST /api/v1/ledger/restore`). What is larger goes as a stream, see
         *     [`crate::restore`].
         */
        RestoreLedger: {
            /** @description Where they come from, for the record: the commit id. */
            commit: string;
            /** @description What files held in earlier commits: versions of docs. */
            earlier?: components["schemas"]["LedgerFile"][];
            /** @description All text files of the branch. */
            files: components["schemas"]["LedgerFile"][];
            /** @description Whose state is rebuilt, when several installations went on side by side: its id, or a folder of its chains. */
            installation?: string | null;
        };
        /** @description What came of a retry (`POST /api/v1/publications/{ref}/retry`). */
        RetriedPublication: {
            /** @description Always `retried_publication`. */
            kind: string;
            /** @description The publication: queued again, or withdrawn when its routes lead elsewhere now. */
            publication: components["schemas"]["Publication"];
            /** @description What was asked for in its place, one for each target; each needs an approval of its own. */
            replaced_by: components["schemas"]["Publication"][];
        };
        /** @enum {string} */
        Risk: "read" | "change" | "destructive" | "unknown";
        /** @enum {string} */
        Role: "viewer" | "contributor" | "admin";
        /** @description Replaces the credential (`POST /api/v1/connections/{ref}/rotate`). The old one is gone. */
        RotateCredential: {
            /** @description The new one. */
            credential: components["schemas"]["Credential"];
            /** @description Absent: the user stays. */
            username?: string | null;
        };
        /** @description A route: what it fits goes to a binding. The first that fits counts. */
        Route: {
            binding?: components["schemas"]["Name"] | null;
            /** @description The kinds it fits; empty: every kind. */
            entities?: components["schemas"]["EntityKind"][];
            format?: components["schemas"]["PublishFormat"] | null;
            /** @description Labels that the entity must have, all of them. */
            labels?: components["schemas"]["Labels"];
            on_delete?: components["schemas"]["OnDelete"] | null;
            /**
             * @description Where in the base path, such as `tasks/{key}.{ext}`. Placeholders: `mission`, `kluster`, `kind`, `id`, `key`,
             *     `name`, `ext`; one of `id` and `key` is needed. Absent: the usual place.
             */
            path?: string | null;
        };
        /** @description The schema of the database (`GET /api/v1/system/schema`). */
        SchemaState: {
            /** @description `postgres` or `sqlite`. */
            backend: string;
            /** @description Always `schema`. */
            kind: string;
            /**
             * Format: int64
             * @description The version that the running program brings it to.
             */
            newest: number;
            /**
             * Format: int64
             * @description The version that is there.
             */
            schema: number;
        };
        /** @description A secret that was taken out of a file. */
        Scrubbed: {
            /**
             * Format: int64
             * @description How many.
             */
            count: number;
            /** @description The file. */
            file: string;
            /** @description What it looked like, such as `github-token`; `known-secret` is one of the server's own. */
            sort: string;
        };
        /** @description How many hits of a kind there are. */
        SearchCount: {
            /**
             * Format: int32
             * @description How many, of what the caller may read; all pages together have at most 120 hits.
             */
            count: number;
            /** @description The kind. */
            kind: components["schemas"]["SearchKind"];
        };
        /** @description One object that was found. */
        SearchHit: {
            /** @description Where it matches. */
            highlights: components["schemas"]["Highlight"][];
            /** @description Its id. */
            id: string;
            /** @description Its key, or its name where it has no key; the action of an event. */
            key?: string | null;
            /** @description What it is. */
            kind: components["schemas"]["SearchKind"];
            /**
             * Format: double
             * @description The share of the query's words that it has, by weight, 0 to 1.
             */
            lexical: number;
            mission_id?: components["schemas"]["MissionId"] | null;
            /**
             * Format: double
             * @description Both ranks together (reciprocal rank fusion), 0 to 1; 1 is the first by both.
             */
            score: number;
            /** @description Its state, for kinds that have one. */
            state?: string | null;
            /** @description Its title. */
            title: string;
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: double
             * @description How near its meaning is to the query's, 0 to 1.
             */
            vector: number;
        };
        /** @enum {string} */
        SearchKind: "task" | "kluster" | "doc" | "artifact" | "event";
        /** @description A page of what was found. */
        SearchPage: {
            /** @description How many hits of each kind all pages have; empty for events. */
            counts?: components["schemas"]["SearchCount"][];
            /** @description The hits of this page, best first. */
            items: components["schemas"]["SearchHit"][];
            /** @description Given back as `cursor` reads the next page; absent on the last one. What is written after the first page is on none. */
            next_cursor?: string | null;
        };
        /** @enum {string} */
        SecretsMode: "refuse" | "scrub" | "keep";
        /** @enum {string} */
        SessionDecision: "new_session" | "retry";
        /** @description An event of an agent session, as stored. */
        SessionEvent: {
            /** @description When the node recorded it. */
            at: components["schemas"]["Timestamp"];
            /** @description Content; its form depends on the kind. Those of permissions name the approval that decides: `approval_id`. */
            body: Record<string, unknown>;
            /**
             * @description `prompt message thought tool_call plan permission_open permission_answer turn_end state interrupted gap
             *     context_lost stderr other`.
             */
            kind: string;
            /**
             * Format: int64
             * @description Position in the session, rising; numbers of records that only serve the protocol are skipped.
             */
            seq: number;
        };
        SessionId: string;
        /** @description A mode that an agent can work in. */
        SessionMode: {
            /** @description What it is for. */
            description?: string | null;
            /** @description Id to choose it by. */
            id: string;
            /** @description Label. */
            name: string;
        };
        /** @enum {string} */
        SessionState: "starting" | "idle" | "running" | "requires_action" | "recovering" | "stopped" | "failed";
        /** @description Sets or removes a role (`PUT /api/v1/principals/{ref}/role`). */
        SetRole: {
            /** @description In this mission (id or name); absent: in the organization. */
            mission?: string | null;
            role?: components["schemas"]["Role"] | null;
        };
        /** @description Lets an agent work in another mode (`PUT /api/v1/sessions/{ref}/mode`). */
        SetSessionMode: {
            /** @description The id of a mode that it offers. */
            mode: string;
        };
        /** @enum {string} */
        Severity: "error" | "warning" | "note";
        /** @description A version of the skill bundle of a mission, or of a kluster. Its content never changes. */
        SkillBundle: {
            /** @description When it was stored. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Who stored it. */
            created_by: components["schemas"]["PrincipalId"];
            /**
             * Format: int64
             * @description How many files are in it.
             */
            file_count: number;
            /** @description The id. */
            id: components["schemas"]["SkillBundleId"];
            /** @description The key that signed it. */
            key_id: string;
            /** @description Always `skill`. */
            kind?: string;
            kluster?: components["schemas"]["Name"] | null;
            kluster_id?: components["schemas"]["KlusterId"] | null;
            /** @description The mission's name. */
            mission: components["schemas"]["Name"];
            /** @description The mission it belongs to. */
            mission_id: components["schemas"]["MissionId"];
            /** @description `m` or `k` and the number: `m3`, `k2`. */
            name: string;
            /** @description Why it was stored. */
            note: string;
            /**
             * Format: int64
             * @description 1, 2, 3 … in the mission or kluster.
             */
            number: number;
            /** @description What it takes out of the mission's bundle: files, or folders. */
            removes: string[];
            /** @description SHA-256 of the archive, lowercase hex. */
            sha256: string;
            /** @description Ed25519 over what it is and the digest, Base64. */
            signature: string;
            /**
             * Format: int64
             * @description Bytes of the archive.
             */
            size_bytes: number;
            /** @description Where it stands. */
            state: components["schemas"]["SkillState"];
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Optimistic lock; also the `ETag`. Not the number.
             */
            version: number;
        };
        SkillBundleId: string;
        /** @description What is in a version of a bundle. */
        SkillManifest: {
            /** @description Its files, sorted by path. */
            files: components["schemas"]["BundleFile"][];
            /** @description What it takes out of the mission's bundle. */
            removes: string[];
            /** @description The version. */
            skill_id: components["schemas"]["SkillBundleId"];
        };
        /** @description What the agents of a mission or kluster are taught: the mission's newest published bundle, under the kluster's. */
        SkillSnapshot: {
            /** @description `m<n>-k<n>`; 0 stands for no bundle. */
            effective_version: string;
            /** @description The files, sorted by path. */
            files: components["schemas"]["SnapshotFile"][];
            /** @description The key that signed it. */
            key_id: string;
            /** @description Always `skill_snapshot`. */
            kind: string;
            kluster?: components["schemas"]["Name"] | null;
            kluster_id?: components["schemas"]["KlusterId"] | null;
            /** @description Its name. */
            mission: components["schemas"]["Name"];
            /** @description The mission. */
            mission_id: components["schemas"]["MissionId"];
            /** @description Paths of the mission's bundle that the kluster's takes out or replaces by something of another sort. */
            removed: string[];
            /** @description SHA-256 of the archive, lowercase hex. The same bundles give the same digest. */
            sha256: string;
            /** @description Ed25519 over mission, kluster, version and digest, Base64. */
            signature: string;
            /**
             * Format: int64
             * @description Bytes of the archive.
             */
            size_bytes: number;
        };
        /** @enum {string} */
        SkillState: "draft" | "published" | "deprecated";
        /** @description What somebody has of the skills of a mission or kluster, as he last said. */
        SkillSync: {
            /** @description What was changed since it was written there. */
            drift: components["schemas"]["Drift"];
            /** @description Which version, `m<n>-k<n>`. */
            effective_version: string;
            /** @description The id. */
            id: components["schemas"]["SkillSyncId"];
            /** @description Always `skill_sync`. */
            kind: string;
            kluster?: components["schemas"]["Name"] | null;
            kluster_id?: components["schemas"]["KlusterId"] | null;
            /** @description Its name. */
            mission: components["schemas"]["Name"];
            /** @description The mission. */
            mission_id: components["schemas"]["MissionId"];
            /** @description Where: a folder of a machine, or `session`. */
            place: string;
            /** @description Who has them. */
            principal_id: components["schemas"]["PrincipalId"];
            /** @description When it was last said. */
            reported_at: components["schemas"]["Timestamp"];
            session_id?: components["schemas"]["SessionId"] | null;
            /** @description Its digest. */
            sha256: string;
            /** @description How the two compare. */
            state: components["schemas"]["SkillSyncState"];
            /** @description The version that it should be now. */
            wanted_version: string;
        };
        SkillSyncId: string;
        /** @enum {string} */
        SkillSyncState: "in_sync" | "outdated" | "drifted";
        /** @description A file of the effective skills. */
        SnapshotFile: components["schemas"]["BundleFile"] & {
            /** @description The version it comes from: `m3`, `k2`. */
            from: string;
        };
        /** @description How many tasks are in each state. */
        StateCounts: {
            /**
             * Format: int64
             * @description Held.
             */
            blocked: number;
            /**
             * Format: int64
             * @description Called off.
             */
            cancelled: number;
            /**
             * Format: int64
             * @description Claimed, not started.
             */
            claimed: number;
            /**
             * Format: int64
             * @description Finished.
             */
            done: number;
            /**
             * Format: int64
             * @description Given up.
             */
            failed: number;
            /**
             * Format: int64
             * @description Waiting for a reviewer.
             */
            in_review: number;
            /**
             * Format: int64
             * @description A dependency is unfinished.
             */
            pending: number;
            /**
             * Format: int64
             * @description May be claimed.
             */
            ready: number;
            /**
             * Format: int64
             * @description Being worked on.
             */
            running: number;
        };
        /** @description Vectors that are stored of one model. */
        StoredModel: {
            complete_at?: components["schemas"]["Timestamp"] | null;
            /**
             * Format: int32
             * @description The length of a vector.
             */
            dimensions: number;
            /** @description The model. */
            model: string;
            /** @description Where they come from. */
            provider: components["schemas"]["EmbeddingProvider"];
        };
        /** @description A file of the report. */
        SupportFile: {
            /** @description Its path, such as `logs/controlplane.log`. */
            name: string;
            /** @description What is in it. */
            text: string;
        };
        /** @description The server's part (`GET /api/v1/system/support`). Credentials were looked for in all of it, and taken out. */
        SupportReport: {
            /** @description The files. */
            files: components["schemas"]["SupportFile"][];
            /** @description Always `support_report`. */
            kind: string;
            /** @description When it was put together, by the server's clock. */
            made_at: components["schemas"]["Timestamp"];
            /** @description What was taken out of them. */
            scrubbed: components["schemas"]["Scrubbed"][];
        };
        /** @description A task. */
        Task: {
            /** @description For people and tools. */
            annotations: components["schemas"]["Labels"];
            /**
             * Format: int32
             * @description The number of the newest attempt; 0 before the first.
             */
            attempt: number;
            /** @description What a claimant must be capable of. */
            capabilities: string[];
            claim?: components["schemas"]["Claim"] | null;
            /** @description When it was created. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Who created it. */
            created_by: components["schemas"]["PrincipalId"];
            /** @description What must be true when it is done, Markdown. */
            definition_of_done: string;
            /** @description The tasks it waits for. */
            depends_on: components["schemas"]["Dependency"][];
            /** @description Markdown. */
            description: string;
            /** @description The id. */
            id: components["schemas"]["TaskId"];
            /** @description `<mission key prefix>-<n>`; accepted wherever an id is. */
            key: string;
            /** @description Always `task`. */
            kind?: string;
            /** @description The kluster's name. */
            kluster: components["schemas"]["Name"];
            /** @description The kluster it belongs to. */
            kluster_id: components["schemas"]["KlusterId"];
            /** @description For selection. */
            labels: components["schemas"]["Labels"];
            /**
             * Format: int32
             * @description After this many attempts an expiry fails the task.
             */
            max_attempts: number;
            /** @description The mission's name. */
            mission: components["schemas"]["Name"];
            /** @description The mission it belongs to. */
            mission_id: components["schemas"]["MissionId"];
            name?: components["schemas"]["Name"] | null;
            /** @description What happens when one of them fails. */
            on_dependency_failure: components["schemas"]["OnDependencyFailure"];
            /**
             * Format: int32
             * @description How many of them are unfinished.
             */
            open_dependency_count: number;
            parent_id?: components["schemas"]["TaskId"] | null;
            /** @description Globs of paths it will touch. */
            paths: string[];
            /**
             * Format: int32
             * @description Higher is claimed first; 0 to 100.
             */
            priority: number;
            /** @description The words that came with it. */
            progress_note?: string | null;
            /**
             * Format: int32
             * @description What the newest attempt reported last: 0 to 100.
             */
            progress_percent?: number | null;
            /** @description Why it is in this state, when that is not plain: `attempts_exhausted`, `dependency_failed`, or a person's note. */
            reason?: string | null;
            /** @description The result in words. */
            result?: string | null;
            result_artifact_id?: components["schemas"]["ArtifactId"] | null;
            /**
             * Format: int32
             * @description Reviews needed before it is done; 0 means none.
             */
            review_gates: number;
            runtime?: components["schemas"]["Name"] | null;
            /** @description The state. */
            state: components["schemas"]["TaskState"];
            /** @description One line. */
            title: string;
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Optimistic lock; also the `ETag`.
             */
            version: number;
        };
        /** @description A task as creating and changing it answers: with what it overlaps. */
        TaskAnswer: components["schemas"]["Task"] & {
            /** @description `true`: the vector of the text is still to come, and with it perhaps more suggestions. */
            overlap_pending?: boolean;
            /** @description Existing work that it overlaps, the best first. */
            overlap_suggestions?: components["schemas"]["OverlapSuggestion"][];
        };
        /** @description How many tasks a mission or kluster has (`GET /api/v1/task-counts`). */
        TaskCounts: {
            /** @description By state. */
            counts: components["schemas"]["StateCounts"];
            kluster?: components["schemas"]["Name"] | null;
            kluster_id?: components["schemas"]["KlusterId"] | null;
            /** @description The mission's name. */
            mission: components["schemas"]["Name"];
            /** @description The mission. */
            mission_id: components["schemas"]["MissionId"];
            /**
             * Format: int64
             * @description All together.
             */
            total: number;
        };
        TaskId: string;
        /** @description A note that goes with `cancel`, `block`, `unblock`, `retry`, `accept` or `reject`. */
        TaskNote: {
            /** @description At most 2000 characters. */
            note?: string | null;
        };
        /** @enum {string} */
        TaskState: "pending" | "ready" | "claimed" | "running" | "in_review" | "done" | "blocked" | "failed" | "cancelled";
        /** @description A template with one of its versions. */
        TaskTemplate: {
            /** @description Who wrote this version. */
            author_id: components["schemas"]["PrincipalId"];
            /** @description When it was created. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Who created it. */
            created_by: components["schemas"]["PrincipalId"];
            /** @description What it is for, Markdown. */
            description: string;
            /** @description The id. */
            id: components["schemas"]["TemplateId"];
            /** @description Always `template`. */
            kind?: string;
            /**
             * Format: int64
             * @description The newest version.
             */
            latest_version: number;
            /** @description The mission's name. */
            mission: components["schemas"]["Name"];
            /** @description The mission it belongs to. */
            mission_id: components["schemas"]["MissionId"];
            /** @description Unique in its mission. */
            name: components["schemas"]["Name"];
            /**
             * Format: int64
             * @description Which version the members below are of.
             */
            number: number;
            /** @description What may be given. */
            parameters: components["schemas"]["Parameter"][];
            /** @description What it makes. */
            task: components["schemas"]["TemplateTask"];
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Optimistic lock; also the `ETag`.
             */
            version: number;
        };
        /** @description Why a task is not running. */
        TaskWhy: {
            /** @description When this was so. */
            at: components["schemas"]["Timestamp"];
            /** @description All causes, the strongest first; empty when nothing is in the way. */
            causes: components["schemas"]["Cause"][];
            /** @description Whether a principal who may claim tasks could claim it now: no cause hinders a claim. */
            claimable: boolean;
            /** @description Its key. */
            key: string;
            /** @description Always `task_why`. */
            kind?: string;
            runtime?: components["schemas"]["Name"] | null;
            /** @description Whether a node that asks now takes it: no cause hinders a claim or a node. */
            schedulable: boolean;
            /** @description Its state. */
            state: components["schemas"]["TaskState"];
            /** @description The task. */
            task_id: components["schemas"]["TaskId"];
        };
        /** @description What one version of a template says. */
        TemplateBody: {
            /** @description What it is for, Markdown. */
            description?: string;
            /** @description What may be given; at most 32. */
            parameters?: components["schemas"]["Parameter"][];
            /** @description What it makes. */
            task: components["schemas"]["TemplateTask"];
        };
        TemplateId: string;
        /** @description The task that a template makes. In texts and lists `{{ name }}` stands for a parameter. */
        TemplateTask: {
            /** @description What a claimant must be capable of. */
            capabilities?: string[];
            /** @description Markdown. */
            definition_of_done?: string;
            /** @description Names (same kluster) or keys of tasks it waits for. */
            depends_on?: string[];
            /** @description Markdown. */
            description?: string;
            /** @description For selection; values may hold parameters. */
            labels?: {
                [key: string]: string;
            };
            /**
             * Format: int32
             * @description 1 to 100; default 3.
             */
            max_attempts?: number | null;
            on_dependency_failure?: components["schemas"]["OnDependencyFailure"] | null;
            /** @description Globs of paths it will touch. */
            paths?: string[];
            /**
             * Format: int32
             * @description 0 to 100; default 50.
             */
            priority?: number | null;
            /**
             * Format: int32
             * @description 0 to 8; default 0.
             */
            review_gates?: number | null;
            /** @description The runtime a node needs. */
            runtime?: string | null;
            /** @description One line. */
            title: string;
        };
        /** @description Tests a connection without writing (`POST /api/v1/connections/{ref}/test`). */
        TestConnection: {
            /** @description For `ssh`: trust the host key with this fingerprint (`SHA256:…`), if the host presents it now. */
            accept_host_key?: string | null;
            /** @description Default `main`. */
            branch?: string | null;
            /** @description The repository below the connection's URL. */
            repository: string;
        };
        /** Format: date-time */
        Timestamp: string;
        TokenId: string;
        /** @description A tool as it is offered. */
        Tool: {
            /** @description What the caller must be allowed to do, such as `task.read`; absent when every valid token will do. */
            action?: string | null;
            /** @description What it does, for agents. */
            description: string;
            /** @description JSON Schema (2020-12) of the arguments. */
            input_schema: Record<string, unknown>;
            /** @description What it is called by. */
            name: string;
            /** @description Whether it changes nothing. */
            read_only: boolean;
        };
        /** @description What a tool answered. A tool that refuses or fails answers with a problem document instead. */
        ToolAnswer: {
            /** @description Always `true`. */
            ok: boolean;
            /** @description The same object that the tool's operation answers with elsewhere. */
            result: Record<string, unknown>;
        };
        /** @description All tools (`GET /mcp/tools`). */
        ToolList: {
            /** @description In the order in which they are told to agents. */
            tools: components["schemas"]["Tool"][];
        };
        /** @description A file in a message. */
        TreeFile: {
            /** @description Its content otherwise, in standard Base64. */
            content_base64?: string | null;
            /** @description Whether it may be run. */
            executable?: boolean;
            /** @description Relative, parts separated by `/`, such as `deploy/SKILL.md`. */
            path: string;
            /** @description Its content, when it is text. */
            text?: string | null;
        };
        /** @description A turn: one prompt and its reply. */
        Turn: {
            /** @description When it was accepted. */
            created_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Its first event.
             */
            first_seq?: number | null;
            /** @description The id. */
            id: components["schemas"]["TurnId"];
            /** @description Always `turn`. */
            kind?: string;
            /**
             * Format: int64
             * @description Its last event.
             */
            last_seq?: number | null;
            /** @description The agent's words in this turn, at most 64 KiB of them. */
            message: string;
            /**
             * Format: int64
             * @description 1, 2, … in the session.
             */
            number: number;
            /** @description The prompt's text. */
            prompt: string;
            /** @description Who prompted. */
            requester_id: components["schemas"]["PrincipalId"];
            /** @description The agent session. */
            session_id: components["schemas"]["SessionId"];
            /** @description The state. */
            state: components["schemas"]["TurnState"];
            /** @description How the agent ended it: `end_turn`, `max_tokens`, `max_turn_requests`, `refusal`, `cancelled`. */
            stop_reason?: string | null;
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Optimistic lock.
             */
            version: number;
        };
        TurnId: string;
        /** @enum {string} */
        TurnState: "queued" | "running" | "done" | "cancelled" | "interrupted" | "failed";
        /** @description Changes a doc's metadata (JSON Merge Patch): absent keeps, `null` empties. The text changes by a new version. */
        UpdateDoc: {
            /** @description Overlapping texts that the caller has seen and takes into account: ids or names, at most 64. */
            acknowledge_overlap?: string[];
            annotations?: components["schemas"]["Labels"] | null;
            labels?: components["schemas"]["Labels"] | null;
            /** @description RFC 2046 media type; `null`: `text/markdown`. */
            media_type?: string | null;
            /** @description One line of 1 to 300 characters. */
            title?: string | null;
        };
        /** @description Changes a kluster (JSON Merge Patch): absent keeps, `null` empties. */
        UpdateKluster: {
            annotations?: components["schemas"]["Labels"] | null;
            /** @description Markdown. */
            description?: string | null;
            labels?: components["schemas"]["Labels"] | null;
            /**
             * Format: int32
             * @description At most so many of its tasks are claimed or running at once, 1 to 10000; `null` for no limit.
             */
            max_running?: number | null;
            overlap_policy?: components["schemas"]["OverlapPolicy"] | null;
            runtime?: components["schemas"]["Name"] | null;
        };
        /** @description Changes a mission (JSON Merge Patch): absent keeps, `null` empties. */
        UpdateMission: {
            annotations?: components["schemas"]["Labels"] | null;
            /** @description Markdown. */
            description?: string | null;
            labels?: components["schemas"]["Labels"] | null;
            overlap_policy?: components["schemas"]["OverlapPolicy"] | null;
            /** @description Whether claims of its tasks are held back. */
            paused?: boolean | null;
        };
        /** @description Changes a task (JSON Merge Patch): absent keeps, `null` gives the default. */
        UpdateTask: {
            /** @description Keys or ids of overlapping tasks that the caller has seen and takes into account; at most 64. */
            acknowledge_overlap?: string[];
            annotations?: components["schemas"]["Labels"] | null;
            /** @description Replaces all. */
            capabilities?: string[] | null;
            /** @description Markdown. */
            definition_of_done?: string | null;
            /** @description Replaces all; refused once the task is claimed. */
            depends_on?: string[] | null;
            /** @description Markdown. */
            description?: string | null;
            labels?: components["schemas"]["Labels"] | null;
            /**
             * Format: int32
             * @description 1 to 100.
             */
            max_attempts?: number | null;
            on_dependency_failure?: components["schemas"]["OnDependencyFailure"] | null;
            /** @description Replaces all. */
            paths?: string[] | null;
            /**
             * Format: int32
             * @description 0 to 100.
             */
            priority?: number | null;
            /**
             * Format: int32
             * @description 0 to 8.
             */
            review_gates?: number | null;
            runtime?: components["schemas"]["Name"] | null;
            /** @description One line; cannot be removed. */
            title?: string | null;
        };
        /** @description Version of a running part (`GET /versionz`). */
        Version: {
            /** @description The API group and version. */
            api_version: string;
            /** @description Identifies the build; parts of one installation must agree. */
            build_id: string;
            /** @description The product's version. */
            version: string;
        };
        /** @description Who the caller is (`GET /api/v1/auth/whoami`). */
        WhoAmI: {
            expires_at?: components["schemas"]["Timestamp"] | null;
            /** @description The governance profile of the server. */
            governance_profile: components["schemas"]["GovernanceProfile"];
            grant?: components["schemas"]["Grant"] | null;
            login_session_id?: components["schemas"]["TokenId"] | null;
            /** @description The principal. */
            principal: components["schemas"]["Principal"];
        };
        /** @enum {string} */
        WhyCode: "dependency_unfinished" | "dependency_failed" | "blocked" | "failed" | "attempts_exhausted" | "in_review" | "done" | "cancelled" | "claimed" | "mission_paused" | "kluster_full" | "no_runtime" | "needs_capability" | "attempts_used" | "no_node" | "node_unreachable" | "node_cordoned" | "node_full" | "in_line" | "session_waits" | "session_unreachable" | "permission_open" | "reservation_waits" | "paths_reserved";
        /** @description An object in the way. */
        WhyObject: {
            /** @description Its kind: `task`, `mission`, `kluster`, `node`, `session`, `approval`, `reservation`, `principal`. */
            kind: string;
            /** @description What people call it: key or name; else the id. */
            name: string;
        };
        /** @description The lease of a workspace. Several may be open on one kluster: commits are checked against versions. */
        Workspace: {
            /** @description Who works in it for the holder, as the holder said. */
            agent_id?: string | null;
            /**
             * Format: int64
             * @description How often it was committed.
             */
            commits: number;
            /** @description When it was loaded. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Who holds it; nobody else may use it. */
            holder: components["schemas"]["PrincipalId"];
            /** @description The id. */
            id: components["schemas"]["WorkspaceId"];
            /** @description Always `workspace`. */
            kind?: string;
            /** @description The kluster's name. */
            kluster: components["schemas"]["Name"];
            /** @description The kluster. */
            kluster_id: components["schemas"]["KlusterId"];
            /** @description What the holder calls it. */
            label: string;
            /**
             * Format: int64
             * @description The length of the lease.
             */
            lease_seconds: number;
            /** @description When the lease ends, unless it is renewed. */
            lease_until: components["schemas"]["Timestamp"];
            /** @description The mission's name. */
            mission: components["schemas"]["Name"];
            /** @description The mission. */
            mission_id: components["schemas"]["MissionId"];
            /** @description Why it was given back. */
            reason?: string | null;
            /** @description Whether it can be committed. */
            state: components["schemas"]["WorkspaceState"];
            /** @description When it last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Optimistic lock.
             */
            version: number;
        };
        /** @description The content of a path in its base version: a doc's with `doc`, an artifact's with `artifact`. */
        WorkspaceContent: {
            artifact?: components["schemas"]["ArtifactContent"] | null;
            doc?: components["schemas"]["DocContent"] | null;
            /** @description What it was when it was loaded. */
            entry: components["schemas"]["IndexEntry"];
        };
        /** @description A doc of the snapshot. */
        WorkspaceDoc: {
            /** @description The text, while all texts together have at most 4 MiB; others are fetched. */
            content?: string | null;
            /** @description The metadata. */
            doc: components["schemas"]["Doc"];
            /** @description Its path. */
            path: string;
        };
        WorkspaceId: string;
        /** @enum {string} */
        WorkspaceState: "active" | "released" | "expired";
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    search_short: {
        parameters: {
            query: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Kinds, separated by commas: `task`, `kluster`, `doc`, `artifact`; absent: all of these. `event` (of the ledger) stands alone. */
                kind?: string;
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description `key=value` or `key`, separated by commas; leaves out kinds without labels. */
                labels?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
                /** @description Words; what stands between quotation marks must be there as it is. */
                q: string;
                /** @description Changed at or after this time. */
                since?: components["schemas"]["Timestamp"];
                /** @description States, separated by commas; leaves out kinds without states. */
                state?: string;
                /** @description Changed before this time. */
                until?: components["schemas"]["Timestamp"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchPage"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    apply_apply: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Apply"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApplyAnswer"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    apply_field_owners: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FieldOwners"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    approvals_list: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description With `watch`: go on after this sequence number, without a snapshot. */
                from?: number;
                /** @description Only this one, by id: with `watch`, its changes alone. */
                id?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
                /** @description Only in this state. */
                state?: components["schemas"]["ApprovalState"];
                /** @description Stream snapshot and changes (SSE) instead of a page. */
                watch?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Approval"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    approvals_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Approval"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    approvals_approve: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DecideApproval"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Approval"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    approvals_cancel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Approval"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    approvals_reject: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DecideApproval"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Approval"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    approvals_decide_all: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DecideApprovals"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DecidedApprovals"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    artifacts_list: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description With `watch`: go on after this sequence number, without a snapshot. */
                from?: number;
                /** @description Kluster id or name: its own artifacts and those of its tasks. */
                kluster?: string;
                /** @description `key=value` or `key`, separated by commas. */
                labels?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
                /** @description Task id or key. */
                task?: string;
                /** @description Stream snapshot and changes (SSE) instead of a page. */
                watch?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Artifact"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    artifacts_create: {
        parameters: {
            query: {
                /** @description Overlapping texts that the caller has seen and takes into account: ids or names, separated by commas. */
                acknowledge_overlap?: string;
                /** @description Mission id or name. */
                mission: string;
                /** @description File name for people. */
                name: string;
                /** @description Expected SHA-256 in lowercase hex; other bytes are refused. */
                sha256?: string;
                /** @description Task id or key. */
                task?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": string;
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ArtifactAnswer"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    artifacts_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Artifact"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    artifacts_delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    artifacts_content: {
        parameters: {
            query?: never;
            header?: {
                "if-none-match"?: string | null;
                "if-range"?: string | null;
                range?: string | null;
            };
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    artifacts_download_url: {
        parameters: {
            query?: {
                /** @description Seconds; default 900, at most what the server allows (3600 unless set otherwise). */
                expires_seconds?: number;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DownloadUrl"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    artifacts_signed_content: {
        parameters: {
            query: {
                /** @description Who asked for it. */
                by: string;
                /** @description From when on it is good no more, in seconds since 1970. */
                expires: number;
                /** @description The key that signed. */
                key: string;
                /** @description HMAC-SHA256 in base64url. */
                signature: string;
            };
            header?: {
                range?: string | null;
            };
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_login_cookie: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CookieLogin"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LoginSession"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_list_grants: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Of this agent (id or name). */
                principal?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Grant"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_issue_grant: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateGrant"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Grant"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_revoke_grant: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LoginRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LoginSession"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_logins: {
        parameters: {
            query?: {
                /** @description Of everybody; needs Admin. */
                all?: boolean;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Of this principal (id or name) instead of one's own; needs Admin. */
                principal?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Login"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_revoke_login: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_logout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_logout_everywhere: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LoggedOut"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_whoami: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WhoAmI"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_list_bindings: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Binding"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_create_binding: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateBinding"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Binding"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_get_binding: {
        parameters: {
            query?: {
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Binding"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_delete_binding: {
        parameters: {
            query?: {
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_provision: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProvisionPersistence"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProvisionedPersistence"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_list_connections: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Connection"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_create_connection: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateConnection"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Connection"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_get_connection: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Connection"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_delete_connection: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_rotate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RotateCredential"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Connection"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_test: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TestConnection"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConnectionTest"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    docs_list: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description With `watch`: go on after this sequence number, without a snapshot. */
                from?: number;
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description `key=value` or `key`, separated by commas. */
                labels?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name: its docs and those of its klusters. */
                mission?: string;
                /** @description The doc's name. */
                name?: string;
                /** @description `draft` or `published`. */
                state?: string;
                /** @description Stream snapshot and changes (SSE) instead of a page. */
                watch?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Doc"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    docs_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateDoc"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DocAnswer"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    docs_get: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Doc"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    docs_delete: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    docs_update: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/merge-patch+json": components["schemas"]["UpdateDoc"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DocAnswer"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    docs_content: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
                /** @description The number; absent: the newest. */
                version?: number;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/markdown": string;
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    docs_diff: {
        parameters: {
            query?: {
                /** @description The older side; absent: the one before `to`. */
                from?: number;
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
                /** @description The newer side; absent: the newest. */
                to?: number;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DocDiff"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    docs_publish: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PublishDoc"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Doc"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    docs_versions: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_DocVersion"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    docs_put_version: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutDocVersion"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DocAnswer"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    nodes_list_tokens: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_JoinToken"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    nodes_create_token: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateJoinToken"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JoinToken"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    nodes_get_token: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JoinToken"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    nodes_revoke_token: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    docs_get_keystone: {
        parameters: {
            query: {
                /** @description Kluster id or name: its workstream; absent: the mission's north star. */
                kluster?: string;
                /** @description Mission id or name. */
                mission: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DocContent"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    docs_init_keystone: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["InitKeystone"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Doc"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    klusters_list: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description With `watch`: go on after this sequence number, without a snapshot. */
                from?: number;
                /** @description `key=value` or `key`, separated by commas. */
                labels?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
                /** @description Stream snapshot and changes (SSE) instead of a page. */
                watch?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Kluster"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    klusters_create: {
        parameters: {
            query?: {
                /** @description Do all of it, detection of overlaps too, and keep nothing. */
                dry_run?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateKluster"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Kluster"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    klusters_get: {
        parameters: {
            query?: {
                /** @description Mission id or name; needed when `ref` is a name that several missions use. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Kluster"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    klusters_delete: {
        parameters: {
            query?: {
                /** @description Mission id or name; needed when `ref` is a name that several missions use. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    klusters_update: {
        parameters: {
            query?: {
                /** @description Mission id or name; needed when `ref` is a name that several missions use. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/merge-patch+json": components["schemas"]["UpdateKluster"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Kluster"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ledger_events: {
        parameters: {
            query?: {
                /** @description `subject.verb`; several, separated by commas. */
                action?: string;
                /** @description Who did it: id, or name for those who may read principals. */
                actor?: string;
                /** @description Events after this position. */
                after?: number;
                /** @description Events before this position. */
                before?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
                /** @description `asc` (default): in the order of the chain; `desc`: newest first. */
                order?: "asc" | "desc";
                /** @description At this time or later (RFC 3339). */
                since?: string;
                /** @description The subject's id. */
                subject?: string;
                /** @description The subject's kind, such as `task`. */
                subject_kind?: string;
                /** @description Before this time (RFC 3339). */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_LedgerEvent"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ledger_export: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": string;
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ledger_head: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LedgerHead"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ledger_history: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Id, or with `entity_type` also key or name. */
                entity_id?: string;
                /** @description The kind of the entity; absent: `entity_id` is an id. */
                entity_type?: components["schemas"]["EntityKind"];
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission_id?: string;
                /** @description `asc` (default): oldest first; `desc`: newest first. */
                order?: "asc" | "desc";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_LedgerEvent"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ledger_restore: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RestoreLedger"];
                "application/vnd.missioncontrol.restore": string;
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RestoredLedger"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    missions_list: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description With `watch`: go on after this sequence number, without a snapshot. */
                from?: number;
                /** @description `key=value` or `key`, separated by commas. */
                labels?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Stream snapshot and changes (SSE) instead of a page. */
                watch?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Mission"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    missions_create: {
        parameters: {
            query?: {
                /** @description Do all of it, detection of overlaps too, and keep nothing. */
                dry_run?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateMission"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mission"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    missions_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mission"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    missions_delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    missions_update: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/merge-patch+json": components["schemas"]["UpdateMission"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mission"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    missions_export_mission: {
        parameters: {
            query?: {
                /** @description Answer what would be in the pack instead of the pack. */
                dry_run?: boolean;
                /** @description What happens to texts that look like a credential; default `refuse`. */
                secrets?: components["schemas"]["SecretsMode"];
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pack"];
                    "application/x-ndjson": string;
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    nodes_list: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description With `watch`: go on after this sequence number, without a snapshot. */
                from?: number;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Only in this state; without it every node that is not revoked. */
                state?: components["schemas"]["NodeState"];
                /** @description Stream snapshot and changes (SSE) instead of a page. */
                watch?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Node"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    nodes_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Node"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    nodes_revoke: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    nodes_cordon: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Node"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    nodes_drain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Node"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    nodes_uncordon: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Node"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    overlaps_check: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CheckOverlap"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OverlapCheck"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    overlaps_list: {
        parameters: {
            query?: {
                /** @description An artifact (id) on one of both sides. */
                artifact?: string;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description A doc (id, or name with the mission) on one of both sides. */
                doc?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name, of what came to existing work. */
                mission?: string;
                /** @description Only in this state. */
                state?: components["schemas"]["OverlapState"];
                /** @description A task (id, key, or name with the mission) on one of both sides. */
                task?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_OverlapSuggestion"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    overlaps_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OverlapSuggestion"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    overlaps_accept: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AcceptOverlap"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OverlapSuggestion"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    overlaps_dismiss: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DismissOverlap"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OverlapSuggestion"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    missions_import_mission: {
        parameters: {
            query?: {
                /** @description Verify it and say what would be made, keep nothing. */
                dry_run?: boolean;
                /** @description The name of the new mission; default: the one in the pack. */
                name?: components["schemas"]["Name"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/x-ndjson": string;
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportedPack"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_names: {
        parameters: {
            query: {
                /** @description 1 to 100 ids of principals, separated by commas. */
                id: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_PrincipalName"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_list: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Only who has a role in this mission (id or name), by it or by the organization. */
                mission?: string;
                /** @description Only of this sort. */
                principal_kind?: components["schemas"]["PrincipalKind"];
                /** @description Only who holds this role: in the organization, or with `mission` there. */
                role?: components["schemas"]["Role"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Principal"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreatePrincipal"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Principal"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Principal"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_logout_of: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LoggedOut"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_set_role: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SetRole"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Principal"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    profiles_list: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Profile"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    profiles_push: {
        parameters: {
            query: {
                /** @description The version that the files were made of; 0: the profile is new. Another than the newest is refused. */
                base_version: number;
                /** @description What the profile is for; absent keeps. */
                description?: string;
                /** @description The profile's name. */
                name: string;
                /** @description Why this version is stored. */
                note?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/x-tar": string;
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Profile"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    profiles_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Profile"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    profiles_delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    profiles_activate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Profile"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    profiles_content: {
        parameters: {
            query?: {
                /** @description The number; absent: the pinned version, else the newest. */
                version?: number;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-tar": string;
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    profiles_pin: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PinProfile"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Profile"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    profiles_status: {
        parameters: {
            query?: {
                /** @description The digest of its archive, lowercase hex. */
                expected_sha256?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProfileStatus"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    profiles_versions: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_ProfileVersion"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_get_policy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PublicationPolicy"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_put_policy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutPublicationPolicy"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PublicationPolicy"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    publications_list: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description With `watch`: go on after this sequence number, without a snapshot. */
                from?: number;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
                /** @description Only in this state. */
                state?: components["schemas"]["PublicationState"];
                /** @description Stream snapshot and changes (SSE) instead of a page. */
                watch?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Publication"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    publications_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreatePublication"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Publication"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    publications_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Publication"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    publications_retry: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RetriedPublication"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    publications_withdraw: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Publication"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    publications_pending: {
        parameters: {
            query: {
                /** @description Only what goes to this binding, by name or id; `-`: to the Git ledger of the installation. */
                binding?: string;
                /** @description 1 to 500. */
                limit?: number;
                /** @description Mission id or name. */
                mission: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PendingList"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    publications_publish_pending: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PublishPending"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PublishedPending"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    publications_plan: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PlanPublication"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PublishPlan"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    publications_status: {
        parameters: {
            query: {
                /** @description 1 to 500. */
                limit?: number;
                /** @description Mission id or name. */
                mission: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PublicationStatus"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    reservations_list: {
        parameters: {
            query?: {
                /** @description Only those that share a path with what this task (id or key) declares. */
                crosses?: string;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description With `watch`: go on after this sequence number, without a snapshot. */
                from?: number;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
                /** @description Only those that this path falls under. */
                path?: string;
                /** @description The remote, or the absolute path of a local repository. */
                repository?: string;
                /** @description Only in this state; absent: pending and active ones. */
                state?: components["schemas"]["ReservationState"];
                /** @description Task id or key. */
                task?: string;
                /** @description Stream snapshot and changes (SSE) instead of a page; renewals are no changes. */
                watch?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Reservation"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    reservations_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateReservation"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Reservation"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    reservations_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Reservation"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    reservations_release: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Reservation"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    reservations_renew: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RenewReservation"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Reservation"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    reservations_check: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CheckPaths"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PathCheck"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    search_search: {
        parameters: {
            query: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Kinds, separated by commas: `task`, `kluster`, `doc`, `artifact`; absent: all of these. `event` (of the ledger) stands alone. */
                kind?: string;
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description `key=value` or `key`, separated by commas; leaves out kinds without labels. */
                labels?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
                /** @description Words; what stands between quotation marks must be there as it is. */
                q: string;
                /** @description Changed at or after this time. */
                since?: components["schemas"]["Timestamp"];
                /** @description States, separated by commas; leaves out kinds without states. */
                state?: string;
                /** @description Changed before this time. */
                until?: components["schemas"]["Timestamp"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchPage"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sessions_list: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description With `watch`: accepted as for other lists; the snapshot is sent all the same. */
                from?: number;
                /** @description `key=value` or `key`, separated by commas. */
                labels?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
                /** @description Node id or name. */
                node?: string;
                /** @description The runtime. */
                runtime?: string;
                /** @description States, separated by commas. */
                state?: string;
                /** @description Task id or key. */
                task?: string;
                /** @description Stream snapshot and changes (SSE) instead of a page. */
                watch?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_AgentSession"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sessions_create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateSession"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AgentSession"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sessions_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AgentSession"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sessions_cancel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AgentSession"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sessions_conversation: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page after: reads the one before it. */
                cursor?: string;
                /** @description 1 to 200, default 100. */
                limit?: number;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sessions_decide: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DecideSession"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AgentSession"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sessions_events: {
        parameters: {
            query?: {
                /** @description Stream (SSE) until the session has ended, instead of a page. `id` is the position; `Last-Event-ID` resumes. */
                follow?: boolean;
                /** @description From this position on; default 0. */
                from?: number;
                /** @description 1 to 500, default 50. Fewer come when they are large. */
                limit?: number;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_SessionEvent"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sessions_set_mode: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SetSessionMode"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AgentSession"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sessions_prompt: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PromptSession"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Turn"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sessions_stop: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AgentSession"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sessions_turns_of: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description States, separated by commas. */
                state?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Turn"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    skills_list: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name: its bundles and those of its klusters. */
                mission?: string;
                /** @description `draft`, `published` or `deprecated`. */
                state?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_SkillBundle"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    skills_create: {
        parameters: {
            query: {
                /** @description Kluster id or name; absent: for all of the mission. */
                kluster?: string;
                /** @description Mission id or name. */
                mission: string;
                /** @description Why it is stored. */
                note?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/x-tar": string;
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SkillBundle"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    skills_get: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SkillBundle"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    skills_content: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-tar": string;
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    skills_deprecate: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SkillBundle"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    skills_manifest: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SkillManifest"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    skills_publish: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SkillBundle"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    skills_get_effective: {
        parameters: {
            query: {
                /** @description Kluster id or name; absent: what holds where no kluster is. */
                kluster?: string;
                /** @description Mission id or name. */
                mission: string;
                /** @description `m<n>-k<n>`; absent: what holds now. */
                version?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SkillSnapshot"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    skills_effective_content: {
        parameters: {
            query: {
                /** @description Kluster id or name; absent: what holds where no kluster is. */
                kluster?: string;
                /** @description Mission id or name. */
                mission: string;
                /** @description `m<n>-k<n>`; absent: what holds now. */
                version?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-tar": string;
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    skills_promote_copy: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PromoteSkills"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SkillBundle"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    skills_list_sync: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
                /** @description Agent session id. */
                session?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_SkillSync"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    skills_report: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReportSkills"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SkillSync"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system_broker_config: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateBrokerConfig"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BrokerConfig"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system_doctor: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system_check_objects: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CheckObjects"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ObjectCheck"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system_status: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EmbeddingStatus"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system_schema: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SchemaState"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system_support: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SupportReport"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_counts: {
        parameters: {
            query?: {
                /** @description `mission` or `kluster`; default: `kluster` when a mission or kluster is named. */
                by?: "mission" | "kluster";
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Only of this kluster (id or name). */
                kluster?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Only of this mission (id or name). */
                mission?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_TaskCounts"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_list: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description With `watch`: go on after this sequence number, without a snapshot. */
                from?: number;
                /** @description Only this one, by id or key: with `watch`, its changes alone. */
                id?: string;
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description `key=value` or `key`, separated by commas. */
                labels?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
                /** @description The task's name. */
                name?: string;
                /** @description The runtime that the task itself names. */
                runtime?: string;
                /** @description States, separated by commas. */
                state?: string;
                /** @description Stream snapshot and changes (SSE) instead of a page. */
                watch?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_create: {
        parameters: {
            query?: {
                /** @description Do all of it, detection of overlaps too, and keep nothing. */
                dry_run?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateTask"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_get: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_delete: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_update: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/merge-patch+json": components["schemas"]["UpdateTask"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_accept: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TaskNote"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_block: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TaskNote"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_cancel: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TaskNote"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_claim: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ClaimTask"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_complete: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CompleteTask"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_fail: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["FailTask"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_heartbeat: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Heartbeat"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_progress: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReportProgress"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_reject: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TaskNote"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_release: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReleaseTask"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_retry: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TaskNote"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_unblock: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TaskNote"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_why: {
        parameters: {
            query?: {
                /** @description Kluster id or name. */
                kluster?: string;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskWhy"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_claim_next: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ClaimNextTask"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tasks_import_tasks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ImportTasks"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportAnswer"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_list_templates: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_TaskTemplate"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_create_template: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateTemplate"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskTemplate"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_get_template: {
        parameters: {
            query?: {
                /** @description Mission id or name; needed when `ref` is a name that several missions use. */
                mission?: string;
                /** @description The version; default: the newest. */
                number?: number;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskTemplate"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_delete_template: {
        parameters: {
            query?: {
                /** @description Mission id or name; needed when `ref` is a name that several missions use. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_create_task_of_template: {
        parameters: {
            query?: {
                /** @description Mission id or name; needed when `ref` is a name that several missions use. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateFromTemplate"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskAnswer"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_list_template_versions: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_TaskTemplate"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    templates_put_template_version: {
        parameters: {
            query?: {
                /** @description Mission id or name; needed when `ref` is a name that several missions use. */
                mission?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TemplateBody"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskTemplate"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sessions_turns: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
                /** @description Agent session, by id. */
                session?: string;
                /** @description States, separated by commas. */
                state?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Turn"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sessions_turn: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Turn"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sessions_cancel_turn: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Turn"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system_watch: {
        parameters: {
            query: {
                /** @description `false`: end after the snapshots. Default: go on with changes. */
                follow?: boolean;
                /** @description `list:seq`, separated by commas: these go on after that number, without a snapshot. Sessions have one all the same. */
                from?: string;
                /** @description Of tasks, only those of this kluster (id or name). */
                kluster?: string;
                /** @description Of `missions`, `klusters`, `tasks`, `sessions`, `approvals`, `publications`, `nodes`, separated by commas. */
                lists: string;
                /** @description Only what belongs to this mission (id or name); nodes belong to none. */
                mission?: string;
                /** @description 1 to 1000: the snapshot holds so many ended sessions and closed approvals, the youngest; `left_out` of its bookmark counts the others. */
                recent?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    workspaces_load: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LoadWorkspace"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LoadedWorkspace"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    workspaces_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workspace"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    workspaces_commit: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CommitWorkspace"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommittedWorkspace"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    workspaces_content: {
        parameters: {
            query: {
                /** @description Such as `docs/guide.md`. */
                path: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkspaceContent"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    workspaces_heartbeat: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["HeartbeatWorkspace"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workspace"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    workspaces_release: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReleaseWorkspace"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workspace"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system_health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Version"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system_healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Version"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tools_call: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CallTool"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ToolAnswer"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tools_tools: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ToolList"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system_metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_plain_bindings: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
                /** @description Mission id or name. */
                mission?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Binding"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_plain_create_binding: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateBinding"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Binding"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_plain_connections: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description 1 to 500, default 50. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Connection"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    persistence_plain_create_connection: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateConnection"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Connection"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system_readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system_versionz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Version"];
                };
            };
            /** @description a problem document */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
