//! An MQTT broker of one node, over TLS, as far as a node speaks to one. Everything it gets goes to the control plane's
//! memory, unless it is told to lose it; and it can say anything, as a stolen one would.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use mc_proto::{from_mqtt, mesh_v1 as wire, to_mqtt};
use rumqttc::tokio_rustls::TlsAcceptor;
use rumqttc::{ConnAck, ConnectReturnCode, Packet, PubAck, Publish, QoS, SubAck, SubscribeReasonCode};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::control_plane::{Memory, NODE};

const PACKET_LIMIT: usize = 256 * 1024;

fn topic(name: &str) -> String {
    format!("/tenants/{}/{name}", NODE.trim_start_matches("node_"))
}

/// Says something to the node, if it is connected.
pub(crate) fn say(memory: &mut Memory, name: &str, message: &impl prost::Message) {
    let payload = memory.sealed(&topic(name), to_mqtt(message));
    say_bytes(memory, name, payload);
}

/// Says anything to the node, if it is connected.
pub(crate) fn say_bytes(memory: &mut Memory, name: &str, payload: Vec<u8>) {
    let publish = Publish::new(topic(name), QoS::AtMostOnce, payload);
    memory.mqtt.retain(|node| node.send(Packet::Publish(publish.clone())).is_ok());
}

/// Starts it; it goes on as long as the runtime.
pub(crate) fn start(runtime: &Handle, tls: Arc<ServerConfig>, memory: Arc<Mutex<Memory>>) -> SocketAddr {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let connections = runtime.clone();
    runtime.spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            connections.spawn(serve(socket, TlsAcceptor::from(Arc::clone(&tls)), Arc::clone(&memory)));
        }
    });
    address
}

async fn serve(socket: TcpStream, acceptor: TlsAcceptor, memory: Arc<Mutex<Memory>>) {
    let Ok(mut stream) = acceptor.accept(socket).await else { return };
    let (sender, mut said) = mpsc::unbounded_channel();
    let mut read = BytesMut::new();
    loop {
        while let Ok(packet) = Packet::read(&mut read, PACKET_LIMIT) {
            take(packet, &sender, &memory);
        }
        tokio::select! {
            got = stream.read_buf(&mut read) => if !matches!(got, Ok(1..)) { return },
            Some(packet) = said.recv() => {
                let mut out = BytesMut::new();
                packet.write(&mut out, PACKET_LIMIT).unwrap();
                if stream.write_all(&out).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
        }
    }
}

fn take(packet: Packet, node: &mpsc::UnboundedSender<Packet>, memory: &Mutex<Memory>) {
    let answer = match packet {
        Packet::Connect(connect) => {
            assert_eq!((connect.client_id.as_str(), connect.keep_alive), ("mesh", 10));
            let will = connect.last_will.unwrap();
            assert_eq!(will.topic, topic("up/status"));
            let will = memory.lock().unwrap().opened(&will.topic, &will.message);
            assert!(!from_mqtt::<wire::NodeStatus>(&will).unwrap().online);
            Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, false))
        }
        Packet::Subscribe(subscribe) => {
            let path = &subscribe.filters[0].path;
            assert!(*path == topic("down/cmd") || *path == topic("down/ack"));
            if *path == topic("down/ack") {
                memory.lock().unwrap().mqtt.push(node.clone());
            }
            let granted = vec![SubscribeReasonCode::Success(QoS::AtMostOnce)];
            Packet::SubAck(SubAck::new(subscribe.pkid, granted))
        }
        Packet::Publish(publish) => {
            let mut memory = memory.lock().unwrap();
            let payload = memory.opened(&publish.topic, &publish.payload);
            if memory.loses_mqtt {
                memory.lost_by_mqtt += 1;
            } else if publish.topic == topic("up/ev") {
                let batch: wire::EventBatch = from_mqtt(&payload).unwrap();
                if let Some(cursor) = memory.take_batch(batch) {
                    memory.batches.mqtt += 1;
                    say(&mut memory, "down/ack", &cursor);
                }
            } else if publish.topic == topic("up/res") {
                memory.take_result(from_mqtt(&payload).unwrap());
            } else {
                assert_eq!(publish.topic, topic("up/status"));
                assert!(publish.retain);
                memory.node_statuses.push(from_mqtt(&payload).unwrap());
            }
            Packet::PubAck(PubAck::new(publish.pkid))
        }
        Packet::PingReq => Packet::PingResp,
        other => panic!("the node sent {other:?}"),
    };
    // The connection may have ended.
    let _ = node.send(answer);
}
