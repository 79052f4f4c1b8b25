//! Both schemas say the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::harness::TestApp;
use crate::harness::database::{Database, Fresh, column};

/// Facts of a schema, one per line.
async fn facts(url: &str, query: &str) -> BTreeSet<String> {
    column(url, query).await.into_iter().collect()
}

/// The words that mean the same in both.
fn logical(kind: &str) -> &str {
    match kind {
        // The last is a type of an extension: a vector.
        "UUID" | "BYTEA" | "USER-DEFINED" => "BLOB",
        "BIGINT" | "SMALLINT" => "INTEGER",
        other => other,
    }
}

const OURS: &str = "NOT IN ('_sqlx_migrations', 'sqlite_sequence')";

async fn sqlite_facts(url: &str) -> BTreeMap<&'static str, BTreeSet<String>> {
    let columns = format!(
        "SELECT m.name || '.' || c.name || ' ' || c.type || CASE WHEN c.\"notnull\" OR c.pk > 0 THEN ' not null' ELSE ' null' END
         FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name {OURS}"
    );
    // Columns of each index in their order; whether it is unique, the primary key, partial.
    let indexes = format!(
        "SELECT t || ' (' || group_concat(c, ', ') || ')' || CASE WHEN pk OR u THEN ' unique' ELSE '' END || CASE WHEN p THEN ' partial' ELSE '' END
         FROM (SELECT m.name t, i.name n, i.\"unique\" u, i.origin = 'pk' pk, i.partial p, x.name || CASE x.desc WHEN 1 THEN ' desc' ELSE '' END c
               FROM sqlite_schema m, pragma_index_list(m.name) i, pragma_index_xinfo(i.name) x
               WHERE m.type = 'table' AND m.name {OURS} AND x.key = 1 ORDER BY m.name, i.name, x.seqno)
         GROUP BY t, n
         UNION SELECT m.name || ' (' || c.name || ') unique' FROM sqlite_schema m, pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name {OURS} AND c.pk = 1
               AND NOT EXISTS (SELECT 1 FROM pragma_table_info(m.name) WHERE pk = 2)"
    );
    let keys = format!(
        "SELECT m.name || '.' || k.\"from\" || ' -> ' || k.\"table\" || '.' || k.\"to\" || ' ' || lower(k.on_delete)
         FROM sqlite_schema m, pragma_foreign_key_list(m.name) k WHERE m.type = 'table' AND m.name {OURS}"
    );
    BTreeMap::from([
        ("columns", facts(url, &columns).await),
        ("indexes", facts(url, &indexes).await),
        ("foreign keys", facts(url, &keys).await),
    ])
}

async fn postgres_facts(url: &str) -> BTreeMap<&'static str, BTreeSet<String>> {
    let columns = format!(
        "SELECT table_name || '.' || column_name || ' ' || upper(data_type) || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE ' null' END
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name {OURS}"
    );
    let indexes = format!(
        "SELECT t.relname || ' (' || string_agg(a.attname || CASE WHEN i.indoption[k.n - 1] & 1 = 1 THEN ' desc' ELSE '' END, ', ' ORDER BY k.n) || ')'
             || CASE WHEN i.indisunique THEN ' unique' ELSE '' END || CASE WHEN i.indpred IS NOT NULL THEN ' partial' ELSE '' END
         FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace s ON s.oid = t.relnamespace AND s.nspname = 'public'
         CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k(attnum, n)
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
         WHERE t.relname {OURS} GROUP BY t.relname, i.indexrelid, i.indisunique, i.indpred"
    );
    let keys = format!(
        "SELECT t.relname || '.' || a.attname || ' -> ' || f.relname || '.' || b.attname || CASE c.confdeltype WHEN 'a' THEN ' no action' WHEN 'c' THEN ' cascade' ELSE ' other' END
         FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class f ON f.oid = c.confrelid
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.conkey[1]
         JOIN pg_attribute b ON b.attrelid = f.oid AND b.attnum = c.confkey[1]
         WHERE c.contype = 'f' AND t.relname {OURS}"
    );
    let columns = facts(url, &columns).await;
    let columns = columns.iter().map(|fact| {
        let mut words: Vec<&str> = fact.split(' ').collect();
        words[1] = logical(words[1]);
        words.join(" ")
    });
    BTreeMap::from([
        ("columns", columns.collect()),
        ("indexes", facts(url, &indexes).await),
        ("foreign keys", facts(url, &keys).await),
    ])
}

async fn both_schemas_say_the_same(app: TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("x.db").display());
    controlplane::db::Db::open(&url).await.unwrap().close().await;
    let (sqlite, postgres) =
        (sqlite_facts(&url).await, postgres_facts(app.config.database.as_ref().unwrap()).await);
    for (what, sqlite) in &sqlite {
        let postgres = &postgres[what];
        let only: [Vec<_>; 2] =
            [sqlite.difference(postgres).collect(), postgres.difference(sqlite).collect()];
        assert!(
            only.iter().all(Vec::is_empty),
            "{what}: only in SQLite {:#?}, only in Postgres {:#?}",
            only[0],
            only[1]
        );
        assert!(sqlite.len() > 10, "{what}: {sqlite:?}");
    }
}

async fn opening_twice_changes_nothing(app: TestApp) {
    let before = app.count("SELECT COUNT(*) FROM _sqlx_migrations").await;
    let app = app.restart().await;
    assert_eq!(app.count("SELECT COUNT(*) FROM _sqlx_migrations").await, before);
    for table in ["organization", "keyring", "principal", "token", "role_binding"] {
        let rows = app.count(&format!("SELECT COUNT(*) FROM {table}")).await;
        let expected = match table {
            "keyring" => 5,
            "principal" => 2,
            _ => 1,
        };
        assert_eq!(rows, expected, "{table}");
    }
}

/// Two control planes that start at once on an empty database both serve it.
async fn an_empty_database_is_migrated_by_two_at_once(app: TestApp) {
    let place = Database::Postgres.place("migrations").unwrap();
    drop(app);
    let fresh = Fresh::empty(place).await;
    let (one, two) = tokio::join!(
        controlplane::db::Db::open(fresh.url().unwrap()),
        controlplane::db::Db::open(fresh.url().unwrap())
    );
    for db in [one, two] {
        db.unwrap().close().await;
    }
    fresh.remove().await;
}

both!(opening_twice_changes_nothing);
both!(only postgres: both_schemas_say_the_same, an_empty_database_is_migrated_by_two_at_once);
