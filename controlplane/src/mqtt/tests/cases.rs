//! What passes a broker and what does not, on our own and on a real Mosquitto.

use super::*;

async fn events_go_up_and_cursors_come_down(mut rig: Rig) {
    let identity = rig.identity(1);
    let mut node = rig.node(&identity, 5);
    node.connected().await;
    let status = rig.next_status(identity.id).await;
    assert!(status.online && status.conn_seq == 5);
    let rounds = if rig.is_mosquitto() { 300 } else { 2000 };
    for seq in 1..=rounds {
        node.send(&batch(seq, 300)).await;
        let upward = rig.next().await;
        assert_eq!((upward.node, upward.topic), (identity.id, Up::Events));
        assert_eq!(from_mqtt::<EventBatch>(&upward.payload), Some(batch(seq, 300)));
        let cursor = Cursor { session: "ses_x".to_owned(), acked_seq: seq, ..Cursor::default() };
        rig.send_down(identity.id, Down::Acked, to_mqtt(&cursor)).unwrap();
        assert_eq!(node.acked().await, cursor);
    }
    assert_eq!(node.bus.send_events(&batch(1, 64 * 1024)), Err(node::NotSent::TooLarge));
    node.lifetime.drain().await;
    // The connection was dropped without DISCONNECT, so the broker publishes the will with its conn_seq.
    let will = rig.next_status(identity.id).await;
    assert!(!will.online && will.conn_seq == 5);
    if rig.is_mosquitto() {
        // Whether a node is there is told by its lease; here only that its messages are taken.
        assert!(rig.bus.is_connected(identity.id));
        rig.bus.kick(identity.id);
    }
    rig.wait_disconnected(identity.id).await;
    assert_eq!(rig.bus.publish_down(identity.id, Down::Acked, Bytes::new()), Err(Error::NotConnected));
    assert!(rig.lifetime.drain().await, "what runs for the broker ends in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_router_is_rebuilt_and_unacknowledged_batches_arrive() {
    let mut rig = Rig::start().await;
    let identity = rig.identity(1);
    let mut node = rig.node(&identity, 1);
    node.connected().await;
    let mut arrived = Vec::new();
    let mut crashes = 0;
    for seq in 1..=300 {
        if seq % 100 == 50 {
            crashes += 1;
            let mut routers = rig.embedded().routers();
            rig.embedded().crash_router().await;
            timeout(DEADLINE, routers.wait_for(Option::is_none)).await.unwrap().unwrap();
        }
        // As the node does it: send again what no cursor has acknowledged.
        let wanted = batch(seq, 100);
        let until = Instant::now() + DEADLINE;
        loop {
            assert!(Instant::now() < until, "batch {seq} never arrives");
            let _ = node.bus.send_events(&wanted);
            let got = timeout(Duration::from_millis(300), rig.received.recv()).await;
            let Ok(Some(upward)) = got else { continue };
            let Some(got) = Some(upward)
                .filter(|upward| upward.topic == Up::Events)
                .and_then(|upward| from_mqtt::<EventBatch>(&upward.payload))
            else {
                continue;
            };
            if got.first_seq == seq {
                break;
            }
        }
        arrived.push(seq);
        let cursor = Cursor { acked_seq: seq, ..Cursor::default() };
        if rig.bus.publish_down(identity.id, Down::Acked, to_mqtt(&cursor).into()).is_ok() {
            // It may still be lost with the router; then the next one says more.
            let _ = timeout(Duration::from_millis(50), node.received.recv()).await;
        }
    }
    assert_eq!(arrived, (1..=300).collect::<Vec<u64>>());
    assert_eq!(crashes, 3);
}

/// What Mosquitto does with what our gate answers by ending the connection. MQTT 3.1.1 has no word for a refused PUBLISH.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mosquittos {
    /// It ends the connection, too.
    Ends,
    /// It goes on as if nothing had been sent.
    Swallows,
    /// It answers, and gives nothing.
    GivesNothing,
}

async fn nothing_foreign_gets_through(mut rig: Rig) {
    use Mosquittos::{Ends, GivesNothing, Swallows};
    let (own, other) = (rig.identity(1), rig.identity(2));
    let (mine, foreign) = (tenant(own.id), tenant(other.id));
    // Who sees what Mosquitto lets through: a control plane what nodes send, the neighbour what it is sent.
    let mut eyes = None;
    if rig.is_mosquitto() {
        let mut neighbour = Raw::greeted(&rig, &other).await;
        neighbour.send(subscribe(format!("/tenants/{foreign}/down/#"))).await;
        assert!(matches!(neighbour.next().await, Some(Packet::SubAck(..))));
        eyes = Some((rig.witness().await, neighbour));
    }
    let puback = Packet::PubAck(PubAck { pkid: 1, reason: PubAckReason::Success }, None);
    let packets = [
        (publish(format!("/tenants/{foreign}/up/ev")), Swallows),
        (publish(format!("/tenants/{foreign}/down/cmd")), Swallows),
        (publish(format!("/tenants/{mine}/down/cmd")), Swallows),
        (publish(format!("/tenants/{mine}/up/other")), Swallows),
        (publish("/tenants/+/up/ev".to_owned()), Ends),
        (subscribe("#".to_owned()), GivesNothing),
        (subscribe("/tenants/+/down/cmd".to_owned()), GivesNothing),
        (subscribe(format!("/tenants/{foreign}/down/#")), GivesNothing),
        (subscribe(format!("/tenants/{mine}/up/#")), GivesNothing),
        (subscribe(format!("$share/g/tenants/{mine}/down/#")), GivesNothing),
        (puback, Swallows),
    ];
    for (packet, mosquittos) in packets {
        let shown = format!("{packet:?}");
        let mut raw = Raw::greeted(&rig, &own).await;
        raw.send(packet).await;
        let Some((witness, neighbour)) = &mut eyes else {
            assert!(raw.ends().await, "{shown} is answered");
            continue;
        };
        match mosquittos {
            Ends => assert!(raw.ends().await, "{shown} is answered"),
            Swallows => {
                let packets = raw.settled().await.unwrap_or_else(|| panic!("{shown} ends the connection"));
                assert!(packets.is_empty(), "{shown}: {packets:?}");
            }
            GivesNothing => {
                let answer = raw.settled().await.unwrap_or_else(|| panic!("{shown} ends the connection"));
                assert!(matches!(answer.as_slice(), [Packet::SubAck(..)]), "{shown}: {answer:?}");
                // What the filter would give if it were granted.
                neighbour.send(publish(format!("/tenants/{foreign}/up/ev"))).await;
                neighbour.settled().await.unwrap();
                let seen = topics(&witness.settled().await.unwrap());
                assert_eq!(seen, [format!("/tenants/{foreign}/up/ev")], "the neighbour's own is there");
                witness.send(publish(format!("/tenants/{foreign}/down/cmd"))).await;
                witness.settled().await.unwrap();
                let seen = topics(&neighbour.settled().await.unwrap());
                assert_eq!(seen, [format!("/tenants/{foreign}/down/cmd")], "the neighbour has it");
                raw.send(publish(format!("/tenants/{mine}/up/res"))).await;
                let given = raw.settled().await.unwrap();
                assert!(given.is_empty(), "{shown}: {given:?}");
            }
        }
        // Whatever it says to the node: nothing came out of it.
        let seen = topics(&witness.settled().await.unwrap());
        let is_mine = |topic: &String| *topic == format!("/tenants/{mine}/up/res");
        assert!(seen.iter().all(is_mine), "{shown}: {seen:?}");
        let seen = topics(&neighbour.settled().await.unwrap());
        assert_eq!(seen, Vec::<String>::new(), "{shown}");
    }
    // QoS 2 of a foreign topic, and a length beyond the limit.
    for (bytes, mosquittos) in
        [(vec![0x34, 0x05, 0, 1, b'x', 0, 1], GivesNothing), (vec![0x30, 0x81, 0x80, 0x10], Ends)]
    {
        let mut raw = Raw::greeted(&rig, &own).await;
        raw.stream.write_all(&bytes).await.unwrap();
        raw.stream.flush().await.unwrap();
        if rig.is_mosquitto() && mosquittos == GivesNothing {
            let answer = raw.settled().await.unwrap();
            assert!(matches!(answer.as_slice(), [Packet::PubRec(..)]), "{answer:?}");
        } else {
            assert!(raw.ends().await, "{bytes:?} is answered");
        }
    }
    rig.took_nothing(&other).await;
}

async fn foreign_wills_and_client_ids_gain_nothing(mut rig: Rig) {
    let (own, other) = (rig.identity(1), rig.identity(2));
    let (mine, foreign) = (tenant(own.id), tenant(other.id));
    let mut witness = None;
    if rig.is_mosquitto() {
        witness = Some(rig.witness().await);
    }
    let (ours, status) = (format!("/tenants/{mine}/up/ev"), format!("/tenants/{mine}/up/status"));
    let last = if rig.is_mosquitto() { status.clone() } else { ours };
    for topic in [format!("/tenants/{foreign}/up/status"), format!("/tenants/{mine}/down/cmd"), last] {
        let will =
            LastWill { topic: topic.into(), message: "gone".into(), qos: QoS::AtMostOnce, retain: true };
        let mut raw = Raw::connect(&rig, &own, "mesh", Some(will)).await;
        if rig.is_mosquitto() {
            // It takes each will and publishes it, or drops it, before it answers the node's next connection.
            assert!(matches!(raw.next().await, Some(Packet::ConnAck(..))));
            drop(raw);
        } else {
            assert!(raw.ends().await);
        }
    }
    if let Some(witness) = &mut witness {
        // The will that is allowed (the control plane drops it, since it is not signed) is the first that comes out.
        let seen = witness.next().await.unwrap();
        assert_eq!(topics(&[seen]), [status]);
    }
    let mut raw = Raw::connect(&rig, &own, "controlplane-63", None).await;
    if let Some(witness) = &mut witness {
        // The name of the certificate counts, not this one: nobody is displaced, and nothing is gained.
        assert!(matches!(raw.next().await, Some(Packet::ConnAck(..))));
        raw.send(publish(format!("/tenants/{foreign}/up/ev"))).await;
        assert!(raw.settled().await.unwrap().is_empty());
        assert_eq!(topics(&witness.settled().await.unwrap()), Vec::<String>::new());
    } else {
        assert!(raw.ends().await);
    }
    rig.took_nothing(&other).await;
    // What is the node's own works on the same broker afterwards.
    let mut raw = Raw::greeted(&rig, &own).await;
    raw.send(subscribe(format!("/tenants/{mine}/down/#"))).await;
    assert!(matches!(raw.next().await, Some(Packet::SubAck(..))));
    let topic = up_topic(own.id, Up::Results);
    let payload = rig.sealed(&own, &topic, b"x".to_vec());
    raw.send(publish_bytes(topic, payload)).await;
    assert_eq!(rig.next().await.topic, Up::Results);
    rig.send_down(own.id, Down::Command, b"c".to_vec()).unwrap();
    // And not the will for this topic, which would have been kept.
    assert!(matches!(raw.next().await, Some(Packet::Publish(publish, _)) if publish.payload != "gone"));
}

async fn who_is_not_admitted_gets_no_connection(mut rig: Rig) {
    let identity = rig.identity(1);
    // Our gate asks the database; Mosquitto knows who was revoked from its list, when it was started with it.
    rig.admitted.lock().unwrap().remove(identity.certificate.as_ref());
    if let Some(mosquitto) = &rig.mosquitto {
        mosquitto.revoke(&rig.authority, &[(identity.id, now())]);
        rig.restart().await;
    }
    match Raw::tls(rig.address, &identity.config).await {
        Ok(mut raw) => {
            let connect = Connect { keep_alive: 10, client_id: "mesh".to_owned(), clean_session: true };
            raw.send(Packet::Connect(connect, None, None, None, None)).await;
            assert!(raw.ends().await);
        }
        Err(_) => assert!(rig.is_mosquitto()),
    }
    let other = rig.identity(2);
    let mut raw = Raw::connect(&rig, &other, "mesh", None).await;
    assert!(matches!(raw.next().await, Some(Packet::ConnAck(..))), "others are admitted as before");
    let anonymous = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(Arc::clone(&rig.roots))
        .with_no_client_auth();
    if let Ok(mut raw) = Raw::tls(rig.address, &Arc::new(anonymous)).await {
        assert!(raw.ends().await);
    }
    // It believes our authority, and shows a certificate of another one.
    let (_, elsewhere) = Rig::installation();
    let (chain, key) = elsewhere.issue_client(&rig.ids, "controlplane-1", now()).unwrap();
    if let Ok(mut raw) = Raw::tls(rig.address, &client(&rig.roots, chain, key)).await {
        assert!(raw.ends().await);
    }
    assert!(rig.is_mosquitto() || !rig.bus.is_connected(identity.id));
}

async fn a_newer_connection_displaces_the_older(mut rig: Rig) {
    let identity = rig.identity(1);
    let will = |text: &'static str| {
        let topic = format!("/tenants/{}/up/status", tenant(identity.id)).into();
        let message = rig.sealed(&identity, &up_topic(identity.id, Up::Status), text.into()).into();
        Some(LastWill { topic, message, qos: QoS::AtLeastOnce, retain: true })
    };
    let mut last = Raw::connect(&rig, &identity, "mesh", will("first")).await;
    assert!(matches!(last.next().await, Some(Packet::ConnAck(..))));
    for left in (0..20).rev() {
        let text = if left == 0 { "last" } else { "older" };
        let mut newer = Raw::connect(&rig, &identity, "mesh", will(text)).await;
        assert!(matches!(newer.next().await, Some(Packet::ConnAck(..))));
        assert!(last.ends().await);
        last = newer;
    }
    if rig.is_mosquitto() {
        // It knows no kick.
        drop(last);
    } else {
        assert!(rig.received.try_recv().is_err(), "a displaced connection has published its will");
        rig.bus.kick(identity.id);
        assert!(last.ends().await);
    }
    let mut upward = rig.next().await;
    // It publishes the will of a displaced connection, too: the status has the number of its connection for that.
    while rig.is_mosquitto() && (upward.payload == "older" || upward.payload == "first") {
        upward = rig.next().await;
    }
    assert_eq!((upward.topic, upward.payload.as_ref()), (Up::Status, b"last".as_slice()));
    if rig.is_mosquitto() {
        rig.bus.kick(identity.id);
    }
    rig.wait_disconnected(identity.id).await;
}

async fn silent_connections_delay_no_node(rig: Rig) {
    let identity = rig.identity(1);
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(rig.address).await.unwrap());
    }
    // Some that have shaken hands and then say nothing.
    for number in 2..12 {
        let other = rig.identity(number);
        silent.push(Raw::tls(rig.address, &other.config).await.unwrap().stream.into_inner().0);
    }
    let since = Instant::now();
    let node = rig.node(&identity, 1);
    node.connected().await;
    let limit = Duration::from_secs(if rig.is_mosquitto() { 5 } else { 1 });
    assert!(since.elapsed() < limit, "it took {:?}", since.elapsed());
    if rig.is_mosquitto() {
        // It lets them stay.
        return;
    }
    // They are closed after their five seconds (ten where the handshake took the first).
    for socket in &mut silent {
        let mut byte = [0; 64];
        let closed = async { while !matches!(socket.read(&mut byte).await, Ok(0) | Err(_)) {} };
        timeout(DEADLINE, closed).await.expect("a silent connection is closed");
    }
    assert!(rig.bus.is_connected(identity.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_node_loses_its_connection_within_half_a_minute() {
    let rig = Rig::start().await;
    let identity = rig.identity(1);
    let mut raw = Raw::greeted(&rig, &identity).await;
    rig.admitted.lock().unwrap().remove(identity.certificate.as_ref());
    let since = Instant::now();
    let ended = async {
        loop {
            raw.send(Packet::PingReq(rumqttd::protocol::PingReq)).await;
            match timeout(Duration::from_secs(5), raw.ends()).await {
                Ok(true) => return,
                Ok(false) | Err(_) => tokio::time::sleep(Duration::from_secs(3)).await,
            }
        }
    };
    timeout(Duration::from_secs(40), ended).await.expect("the connection ends");
    assert!(since.elapsed() > Duration::from_secs(25), "it ended by something else");
}

async fn a_dead_broker_comes_back_and_unacknowledged_batches_arrive(mut rig: Rig) {
    let identity = rig.identity(1);
    let mut node = rig.node(&identity, 1);
    node.connected().await;
    for seq in 1..=30 {
        if seq % 10 == 5 {
            rig.restart().await;
        }
        let wanted = batch(seq, 100);
        let until = Instant::now() + REUNION;
        loop {
            assert!(Instant::now() < until, "batch {seq} never arrives");
            // As the node does it: send again what no cursor has acknowledged.
            let _ = node.bus.send_events(&wanted);
            let got = timeout(Duration::from_millis(300), rig.received.recv()).await;
            let Ok(Some(upward)) = got else { continue };
            if upward.topic == Up::Events && from_mqtt::<EventBatch>(&upward.payload) == Some(batch(seq, 100))
            {
                break;
            }
        }
        let cursor = Cursor { acked_seq: seq, ..Cursor::default() };
        if rig.send_down(identity.id, Down::Acked, to_mqtt(&cursor)).is_ok() {
            // It may still be lost with the broker; then the next one says more.
            let _ = timeout(Duration::from_millis(50), node.received.recv()).await;
        }
    }
}

async fn a_reload_takes_the_new_list_of_revoked_nodes(rig: Rig) {
    let [revoked, other] = [1, 2].map(|number| {
        let mut identity = rig.identity(number);
        // A session that is resumed is not checked against the list.
        Arc::make_mut(&mut identity.config).resumption = Resumption::disabled();
        identity
    });
    assert!(rig.serves(&revoked).await && rig.serves(&other).await);
    // Mosquitto keeps the list it had, and OpenSSL takes the newer of the two, by whole seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let mosquitto = rig.mosquitto.as_ref().unwrap();
    mosquitto.revoke(&rig.authority, &[(revoked.id, now())]);
    mosquitto.reload();
    let until = Instant::now() + DEADLINE;
    while rig.serves(&revoked).await {
        assert!(Instant::now() < until, "a revoked node is served; log\n{}", mosquitto.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(rig.serves(&other).await, "others are served as before; log\n{}", mosquitto.log());
}

async fn what_a_node_has_not_signed_is_dropped_and_so_is_what_was_kept(mut rig: Rig) {
    let (own, other) = (rig.identity(1), rig.identity(2));
    let mut raw = Raw::greeted(&rig, &own).await;
    let topic = up_topic(own.id, Up::Events);
    let elsewhere = rig.sealed(&own, &up_topic(own.id, Up::Results), b"e".to_vec());
    for payload in [b"plain".to_vec(), rig.sealed(&other, &topic, b"o".to_vec()), elsewhere, Vec::new()] {
        raw.send(publish_bytes(topic.clone(), payload)).await;
    }
    // A batch that the broker keeps, which our gate would refuse.
    let kept =
        Publish::new(Bytes::from(topic.clone()), rig.sealed(&own, &topic, b"kept".to_vec()).into(), true);
    raw.send(Packet::Publish(kept, None)).await;
    raw.settled().await.unwrap();
    assert_eq!(rig.next().await.payload.as_ref(), b"kept", "as it is published it is like any other");
    // A second replica: it gets the batch that was kept, and everything that is published; it takes what it is told to.
    let lifetime = Lifetime::default();
    let (second, mut received) = replica(&rig.ids, &rig.authority, &rig.roots, (rig.address, 16), &lifetime);
    let attached = attach(&second, own.id, &own.key);
    let until = Instant::now() + DEADLINE;
    while second.standing().broken.is_some() {
        assert!(Instant::now() < until, "the second replica has no connection");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let [both, elsewhere, nobody] = ["both", "second", "nobody"]
        .map(|text| publish_bytes(topic.clone(), rig.sealed(&own, &topic, text.into())));
    raw.send(both).await;
    let next = timeout(DEADLINE, received.recv()).await.unwrap().unwrap();
    assert_eq!(next.payload.as_ref(), b"both", "not the one that was kept");
    assert_eq!(rig.next().await.payload.as_ref(), b"both");
    // When the node's stream is elsewhere, its messages are taken there.
    rig.attached.lock().unwrap().clear();
    raw.send(elsewhere).await;
    assert_eq!(timeout(DEADLINE, received.recv()).await.unwrap().unwrap().payload.as_ref(), b"second");
    // Its certificate has ended, as far as the newer stream says, whatever the older one said.
    let _ended = second.attach(own.id, own.key.public_key().as_ref().try_into().unwrap(), Instant::now());
    drop(attached);
    raw.send(nobody).await;
    raw.settled().await.unwrap();
    // Both take what another node sends afterwards, and nothing before it.
    let marker = rig.identity(3);
    let _attached = attach(&second, marker.id, &marker.key);
    rig.took_nothing(&marker).await;
    let next = timeout(DEADLINE, received.recv()).await.unwrap().unwrap();
    assert_eq!(next.payload.as_ref(), b"marker", "nobody takes it");
    assert_eq!(rig.bus.publish_down(own.id, Down::Acked, Bytes::new()), Err(Error::NotConnected));
    assert!(lifetime.drain().await);
}

both_brokers!(
    events_go_up_and_cursors_come_down,
    nothing_foreign_gets_through,
    foreign_wills_and_client_ids_gain_nothing,
    who_is_not_admitted_gets_no_connection,
    a_newer_connection_displaces_the_older,
    silent_connections_delay_no_node,
);
mosquitto_only!(
    a_dead_broker_comes_back_and_unacknowledged_batches_arrive,
    a_reload_takes_the_new_list_of_revoked_nodes,
    what_a_node_has_not_signed_is_dropped_and_so_is_what_was_kept,
);
