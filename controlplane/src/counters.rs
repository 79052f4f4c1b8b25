//! Counters of this process, there from the start with zero: `increase()` of Prometheus sees nothing of a series whose
//! first sample is not zero.

/// Counters without labels.
pub const PLAIN: &[&str] = &[
    "mc_database_connections_lost_total",
    "mc_approvals_expired_total",
    "mc_db_transaction_retries_total",
    "mc_embeddings_failures_total",
    "mc_embeddings_query_timeouts_total",
    "mc_grpc_connections_refused_total",
    "mc_ledger_sealed_events_total",
    "mc_mqtt_dropped_total",
    "mc_mqtt_router_restarts_total",
    "mc_objects_quarantined_total",
    "mc_objects_sent_total",
    "mc_objects_swept_total",
    "mc_objects_uploads_aborted_total",
    "mc_overlaps_found_beside_total",
    "mc_publication_failures_total",
    "mc_publication_races_total",
    "mc_publications_published_total",
    "mc_reservations_expired_total",
    "mc_session_batches_refused_total",
    "mc_session_forks_total",
    "mc_session_permissions_total",
    "mc_session_records_total",
    "mc_sessions_claimed_total",
    "mc_sessions_scheduled_total",
    "mc_sessions_taken_back_total",
    "mc_task_leases_expired_total",
];

/// Counters whose series come with their labels, when something happens.
pub const LABELLED: &[&str] = &[
    "mc_embeddings_texts_total",
    "mc_http_requests_total",
    "mc_mqtt_connections_ended_total",
    "mc_mqtt_received_total",
    "mc_mqtt_refused_total",
    "mc_session_turns_total",
    "mc_tool_calls_total",
    "mc_uplink_batches_total",
];

/// Shows every counter that needs no label, and what alerts look at.
pub(crate) fn show() {
    for name in PLAIN {
        metrics::counter!(*name).increment(0);
    }
    for path in ["grpc", "mqtt"] {
        metrics::counter!("mc_uplink_batches_total", "path" => path).increment(0);
    }
    for reason in ["signature", "silent", "too_many"] {
        metrics::counter!("mc_mqtt_refused_total", "reason" => reason).increment(0);
    }
    metrics::gauge!("mc_publication_blocked").set(0.0);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    fn sources(folder: &Path, texts: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, texts);
            } else if path.extension().is_some_and(|end| end == "rs") {
                texts.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn every_counter_of_the_sources_is_listed() {
        let mut texts = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
        let begin = regex::Regex::new(r#"counter!\(\s*"(mc_[a-z_]+)"\s*([,)])"#).unwrap();
        let (mut plain, mut labelled) = (BTreeSet::new(), BTreeSet::new());
        for text in &texts {
            for found in begin.captures_iter(text) {
                let name = found[1].to_owned();
                if &found[2] == ")" {
                    plain.insert(name)
                } else {
                    labelled.insert(name)
                };
            }
        }
        let listed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(plain, listed(super::PLAIN));
        assert_eq!(labelled, listed(super::LABELLED));
    }
}
