//! One suite for both object stores: what a provider must do, whatever it is made of; then what only S3 can do wrong.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use controlplane::config::ObjectStorage;
use controlplane::objects::{Area, ByteStream, ObjectError, ObjectStore as _, Objects, Presign, Stored};
use futures_util::{StreamExt as _, stream};
use mc_api::Timestamp;
use mc_api::id::MissionId;
use mc_ledger::{Digest, sha256};

use crate::harness::s3::{S3Server, SECRET};
use crate::harness::{eventually, files};

const LIMIT: u64 = 64 << 20;
const PART: usize = 8 << 20;

/// A store with all that it stands on.
struct Place {
    objects: Objects,
    folder: tempfile::TempDir,
    s3: Option<S3Server>,
}

impl Place {
    async fn folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(&ObjectStorage::default(), folder.path()).await.unwrap();
        Self { objects, folder, s3: None }
    }

    async fn s3() -> Self {
        let (folder, server) = (tempfile::tempdir().unwrap(), S3Server::start());
        let objects = Objects::open(&server.storage(&[]), folder.path()).await.unwrap();
        assert_eq!(server.keys(), [""; 0], "the probe of the start is gone");
        server.faults.asked();
        Self { objects, folder, s3: Some(server) }
    }

    /// The keys that are visible, without what stands before `missions/`.
    fn keys(&self) -> Vec<String> {
        let all = match &self.s3 {
            Some(server) => server.keys(),
            None => files(self.folder.path()),
        };
        let mut keys: Vec<String> = all
            .iter()
            .filter_map(|key| key.strip_prefix("mc/one/").unwrap_or(key).strip_prefix("missions/"))
            .map(str::to_owned)
            .collect();
        keys.sort();
        keys
    }

    /// What is being received.
    fn spooled(&self) -> Vec<String> {
        files(&self.folder.path().join("incoming"))
    }

    async fn put(&self, mission: MissionId, content: &[u8]) -> Result<Stored, ObjectError> {
        self.objects.put(mission, whole(content), LIMIT).await
    }

    async fn read(
        &self,
        mission: MissionId,
        sha256: Digest,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<Vec<u8>, ObjectError> {
        let mut content = self.objects.get(mission, sha256, range).await?;
        let mut bytes = Vec::new();
        while let Some(part) = content.next().await {
            bytes.extend_from_slice(&part.map_err(ObjectError::Store)?);
        }
        Ok(bytes)
    }

    async fn listed(&self, area: Area, before: Timestamp) -> Vec<(MissionId, Digest)> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.objects.list(area, before, after).await.unwrap();
            found.extend(page.objects);
            after = page.next;
            if after.is_none() {
                return found;
            }
        }
    }
}

fn mission(n: u8) -> MissionId {
    MissionId::from_uuid(uuid::Uuid::from_bytes([n; 16]))
}

/// Content that differs everywhere and from seed to seed.
fn content(size: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    (0..size)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            u8::try_from(state >> 24).unwrap()
        })
        .collect()
}

fn whole(content: &[u8]) -> ByteStream {
    let parts: Vec<_> = content.chunks(100_000).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
    Box::pin(stream::iter(parts))
}

/// Content of which more never comes.
fn halted(content: &[u8]) -> ByteStream {
    Box::pin(whole(content).chain(stream::pending()))
}

#[expect(clippy::disallowed_methods, reason = "the stores tell ages by the wall clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn hours_from_now(hours: i64) -> Timestamp {
    let micros = now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
    Timestamp::from_micros(i64::try_from(micros).unwrap() + hours * 3_600_000_000)
}

macro_rules! on_every_store {
    ($($name:ident),+ $(,)?) => {
        mod folder {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Place::folder().await).await;
            })+
        }
        mod s3 {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Place::s3().await).await;
            })+
        }
    };
}

async fn what_is_put_comes_back_whole_and_in_ranges(place: Place) {
    let of = mission(1);
    for (seed, size) in [0, 1, 100_000, PART, PART + 1, 2 * PART + 4_000_000].into_iter().enumerate() {
        let bytes = content(size, u32::try_from(seed).unwrap());
        let stored = place.put(of, &bytes).await.unwrap();
        assert_eq!(stored, Stored { sha256: sha256(&bytes), size_bytes: size as u64 });
        assert!(place.read(of, stored.sha256, None).await.unwrap() == bytes, "{size} bytes come back");
        let end = size as u64;
        for range in
            [0..1, 0..end, end.saturating_sub(1)..end, end / 3..end / 2, PART as u64 - 1..PART as u64 + 1]
        {
            if range.start < range.end && range.end <= end {
                let (from, to) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
                let part = place.read(of, stored.sha256, Some(range.clone())).await.unwrap();
                assert!(part == bytes[from..to], "{range:?} of {size}");
            }
        }
    }
    assert_eq!(place.keys().len(), 6);
    assert_eq!(place.spooled(), [""; 0]);
}

async fn the_same_bytes_twice_are_one_object_and_are_sent_once(place: Place) {
    for bytes in [content(1000, 1), content(PART + 5, 2)] {
        let first = place.put(mission(1), &bytes).await.unwrap();
        if let Some(server) = &place.s3 {
            server.faults.asked();
        }
        assert_eq!(place.put(mission(1), &bytes).await.unwrap(), first);
        if let Some(server) = &place.s3 {
            let asked = server.faults.asked();
            assert!(asked.iter().all(|asked| asked.starts_with("HEAD ")), "{asked:?}");
        }
    }
    assert_eq!(place.keys().len(), 2);
}

async fn many_put_the_same_bytes_at_once(place: Place) {
    for bytes in [content(5000, 1), content(PART + 5, 2)] {
        let puts = (0..6).map(|_| place.put(mission(1), &bytes));
        for put in futures_util::future::join_all(puts).await {
            assert_eq!(put.unwrap().sha256, sha256(&bytes));
        }
        assert!(place.read(mission(1), sha256(&bytes), None).await.unwrap() == bytes);
    }
    assert_eq!((place.keys().len(), place.spooled().len()), (2, 0));
    if let Some(server) = &place.s3 {
        eventually("no upload in parts is left", || async { server.open_uploads().is_empty().then_some(()) })
            .await;
    }
}

async fn missions_do_not_see_each_other(place: Place) {
    let bytes = content(100, 1);
    let stored = place.put(mission(1), &bytes).await.unwrap();
    let other = place.read(mission(2), stored.sha256, None).await;
    assert!(matches!(other, Err(ObjectError::Missing)), "{other:?}");
    let unknown = place.read(mission(1), sha256(b"never stored"), None).await;
    assert!(matches!(unknown, Err(ObjectError::Missing)), "{unknown:?}");
    place.put(mission(2), &bytes).await.unwrap();
    assert_eq!(place.keys().len(), 2, "each mission has its own");
    assert!(place.objects.remove_if_older(mission(1), stored.sha256, hours_from_now(1)).await.unwrap());
    assert_eq!(place.read(mission(2), stored.sha256, None).await.unwrap(), bytes);
}

async fn what_is_too_large_or_breaks_off_leaves_nothing(place: Place) {
    let large = place.objects.put(mission(1), whole(&content(300_000, 1)), 299_999).await;
    assert!(matches!(large, Err(ObjectError::TooLarge(299_999))), "{large:?}");
    place.objects.put(mission(1), whole(&content(10, 1)), 10).await.unwrap();
    let broken = whole(&content(PART * 2, 2)).chain(stream::iter([Err(std::io::Error::other("gone"))]));
    let broken = place.objects.put(mission(1), Box::pin(broken), LIMIT).await;
    assert!(matches!(broken, Err(ObjectError::Incomplete(_))), "{broken:?}");
    {
        let mut put = std::pin::pin!(place.objects.put(mission(1), halted(&content(PART, 3)), LIMIT));
        tokio::select! {
            _ = &mut put => panic!("it cannot end"),
            () = async { eventually("it is received", || async { (!place.spooled().is_empty()).then_some(()) }).await } => {}
        }
    }
    assert_eq!((place.keys().len(), place.spooled().len()), (1, 0));
}

async fn a_sweep_removes_what_is_old_and_nothing_that_was_stored_again(place: Place) {
    let stored = place.put(mission(1), b"swept").await.unwrap().sha256;
    let it = (mission(1), stored);
    assert_eq!(place.listed(Area::Stored, hours_from_now(-1)).await, []);
    assert_eq!(place.listed(Area::Stored, hours_from_now(1)).await, [it]);
    assert!(!place.objects.remove_if_older(it.0, it.1, hours_from_now(-1)).await.unwrap(), "too young");
    assert_eq!(place.read(it.0, it.1, None).await.unwrap(), b"swept");
    assert!(place.objects.remove_if_older(it.0, it.1, hours_from_now(1)).await.unwrap());
    assert_eq!(place.keys(), [""; 0]);
    let again = place.objects.remove_if_older(it.0, it.1, hours_from_now(1)).await;
    assert!(matches!(again, Err(ObjectError::Missing)), "{again:?}");
    for (mission, sha256) in place.listed(Area::Aside, hours_from_now(1)).await {
        place.objects.discard(mission, sha256).await.unwrap();
    }
    let gone = place.read(it.0, it.1, None).await;
    assert!(matches!(gone, Err(ObjectError::Missing)), "{gone:?}");
    assert!(!place.objects.restore(it.0, it.1).await.unwrap());
    place.put(mission(1), b"swept").await.unwrap();
    assert_eq!(place.read(it.0, it.1, None).await.unwrap(), b"swept");
}

async fn what_a_killed_process_was_receiving_is_gone_at_the_next_start(place: Place) {
    std::fs::write(place.folder.path().join("incoming/left"), "half").unwrap();
    // What a process beside it is receiving stays until that process is gone.
    let held = std::fs::File::create(place.folder.path().join("incoming/held")).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    let storage = place.s3.as_ref().map(|server| server.storage(&[])).unwrap_or_default();
    Objects::open(&storage, place.folder.path()).await.unwrap();
    assert_eq!(place.spooled(), ["held"]);
    drop(held);
    Objects::open(&storage, place.folder.path()).await.unwrap();
    assert_eq!(place.spooled(), [""; 0]);
}

on_every_store!(
    what_is_put_comes_back_whole_and_in_ranges,
    the_same_bytes_twice_are_one_object_and_are_sent_once,
    many_put_the_same_bytes_at_once,
    missions_do_not_see_each_other,
    what_is_too_large_or_breaks_off_leaves_nothing,
    a_sweep_removes_what_is_old_and_nothing_that_was_stored_again,
    what_a_killed_process_was_receiving_is_gone_at_the_next_start,
);

fn server(place: &Place) -> &S3Server {
    place.s3.as_ref().unwrap()
}

/// Why a bucket cannot be opened, and how long that took to say.
async fn refusal(server: &S3Server, more: &[(&'static str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let text = Objects::open(&server.storage(more), folder.path()).await.unwrap_err().to_string();
    assert!(!text.contains(SECRET) && !text.contains("wrong-secret"), "{text}");
    text
}

#[tokio::test]
async fn a_bucket_that_cannot_be_used_is_told_plainly() {
    let mut server = S3Server::start();
    let text = refusal(&server, &[("MC_OBJECT_STORAGE_ACCESS_SECRET", "wrong-secret")]).await;
    assert!(text.contains("403") && text.contains("MC_OBJECT_STORAGE_ACCESS_SECRET"), "{text}");
    let text = refusal(&server, &[("MC_OBJECT_STORAGE_ACCESS_KEY", "somebody")]).await;
    assert!(text.contains("403") && text.contains("MC_OBJECT_STORAGE_ACCESS_KEY"), "{text}");
    let text = refusal(&server, &[("MC_OBJECT_STORAGE_BUCKET", "not-there")]).await;
    assert!(text.contains("not-there") && text.contains("MC_OBJECT_STORAGE_BUCKET"), "{text}");
    // A wrong signature is not asked for again: waiting heals nothing.
    server.faults.asked();
    refusal(
        &server,
        &[
            ("MC_OBJECT_STORAGE_ACCESS_SECRET", "wrong-secret"),
            ("MC_OBJECT_STORAGE_START_TIMEOUT_SECONDS", "60"),
        ],
    )
    .await;
    assert_eq!(server.faults.asked().len(), 1);
    server.kill();
    let text = refusal(&server, &[]).await;
    assert!(text.contains(&server.endpoint()) && text.contains("MC_OBJECT_STORAGE_ENDPOINT"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_late_is_waited_for() {
    let mut server = S3Server::start();
    server.kill();
    let storage = server.storage(&[("MC_OBJECT_STORAGE_START_TIMEOUT_SECONDS", "30")]);
    let folder = tempfile::tempdir().unwrap();
    let address = server.endpoint().trim_start_matches("http://").to_owned();
    let (opened, ()) = tokio::join!(Objects::open(&storage, folder.path()), async {
        let late = tokio::net::TcpListener::bind(address).await.unwrap();
        drop(late.accept().await.unwrap());
        drop(late);
        server.serve();
    });
    opened.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_pass_is_asked_again_and_what_may_not_is_not() {
    let place = Place::s3().await;
    for status in [503, 500] {
        server(&place).refuse(2, status);
        place.put(mission(1), format!("{status}").as_bytes()).await.unwrap();
    }
    server(&place).faults.asked();
    server(&place).refuse(1, 403);
    let refused = place.put(mission(1), b"refused").await;
    assert!(matches!(refused, Err(ObjectError::Store(_))), "{refused:?}");
    assert_eq!(server(&place).faults.asked().len(), 1, "a refusal is final");
    place.put(mission(1), b"refused").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_that_cannot_be_finished_are_aborted() {
    let place = Place::s3().await;
    let bytes = content(PART * 2 + 1, 1);
    server(&place).faults.break_second_part.store(true, Ordering::SeqCst);
    let broken = place.put(mission(1), &bytes).await;
    assert!(matches!(broken, Err(ObjectError::Store(_))), "{broken:?}");
    let none_open = || async { server(&place).open_uploads().is_empty().then_some(()) };
    eventually("a failed upload is aborted", none_open).await;
    server(&place).faults.break_second_part.store(false, Ordering::SeqCst);
    server(&place).faults.asked();

    server(&place).faults.hold_second_part.store(true, Ordering::SeqCst);
    {
        let mut put = std::pin::pin!(place.put(mission(1), &bytes));
        let second = eventually("the second part is on its way", || async {
            server(&place).faults.has("partNumber=2").then_some(())
        });
        tokio::select! {
            _ = &mut put => panic!("the second part is held"),
            () = second => {}
        }
        assert_eq!(server(&place).open_uploads().len(), 1);
    }
    eventually("a dropped upload is aborted", none_open).await;
    assert_eq!((place.keys().len(), place.spooled().len()), (0, 0));

    server(&place).faults.hold_second_part.store(false, Ordering::SeqCst);
    place.put(mission(1), &bytes).await.unwrap();
    assert_eq!(place.keys().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_down_in_the_middle_leaves_no_half_object_and_a_sweep_ends_the_rest() {
    let mut place = Place::s3().await;
    let bytes = content(PART * 2 + 1, 1);
    server(&place).faults.hold_second_part.store(true, Ordering::SeqCst);
    let faults = server(&place).faults.clone();
    let mut s3 = place.s3.take().unwrap();
    let (put, ()) = tokio::join!(place.put(mission(1), &bytes), async {
        eventually("the second part is on its way", || async { faults.has("partNumber=2").then_some(()) })
            .await;
        s3.kill();
    });
    assert!(matches!(put, Err(ObjectError::Store(_))), "{put:?}");
    let down = place.read(mission(1), sha256(&bytes), None).await;
    assert!(matches!(down, Err(ObjectError::Store(_))), "{down:?}");
    assert!(place.objects.check().await.is_err());
    // It gives up aborting while the server is down.
    place.objects.close().await;
    s3.faults.hold_second_part.store(false, Ordering::SeqCst);
    s3.serve();
    place.s3 = Some(s3);
    assert_eq!(place.keys(), [""; 0]);
    assert_eq!(server(&place).open_uploads().len(), 1);
    assert_eq!(place.objects.abort_uploads(hours_from_now(-24)).await.unwrap(), 0, "too young");
    assert_eq!(place.objects.abort_uploads(hours_from_now(1)).await.unwrap(), 1);
    assert_eq!(server(&place).open_uploads(), [""; 0]);
    place.put(mission(1), &bytes).await.unwrap();
    eventually("it is healthy again", || async { place.objects.check().await.ok() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_bytes_that_are_stored_again_become_young_without_being_sent() {
    let place = Place::s3().await;
    let stored = place.put(mission(1), b"old").await.unwrap().sha256;
    let file = server(&place).file(&server(&place).keys()[0]);
    let age = |hours: u64| {
        let at = now() - Duration::from_secs(hours * 3600);
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(at).unwrap();
    };
    age(25);
    assert_eq!(place.listed(Area::Stored, hours_from_now(-24)).await, [(mission(1), stored)]);
    server(&place).faults.asked();
    place.put(mission(1), b"old").await.unwrap();
    let asked = server(&place).faults.asked();
    assert!(asked.iter().all(|asked| !asked.starts_with("PUT ")), "{asked:?}");
    assert_eq!(place.listed(Area::Stored, hours_from_now(-24)).await, []);
    assert!(!place.objects.remove_if_older(mission(1), stored, hours_from_now(-24)).await.unwrap());
    assert_eq!(place.read(mission(1), stored, None).await.unwrap(), b"old");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_meets_a_sweep_loses_nothing() {
    let place = Place::s3().await;
    let stored = place.put(mission(1), b"met").await.unwrap().sha256;
    // As if the upload had looked before, and its row came after the removal.
    assert!(place.objects.remove_if_older(mission(1), stored, hours_from_now(1)).await.unwrap());
    assert_eq!(place.keys(), [""; 0]);
    assert_eq!(place.listed(Area::Aside, hours_from_now(1)).await, [(mission(1), stored)]);
    assert_eq!(place.read(mission(1), stored, Some(1..3)).await.unwrap(), b"et");
    assert_eq!(place.keys().len(), 1, "brought back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prefix_hides_another_installation() {
    let place = Place::s3().await;
    let stored = place.put(mission(1), b"mine").await.unwrap().sha256;
    let folder = tempfile::tempdir().unwrap();
    let other = server(&place).storage(&[("MC_OBJECT_STORAGE_PREFIX", "mc/on")]);
    let objects = Objects::open(&other, folder.path()).await.unwrap();
    let other = Place { objects, folder, s3: None };
    assert!(matches!(other.read(mission(1), stored, None).await, Err(ObjectError::Missing)));
    assert_eq!(other.listed(Area::Stored, hours_from_now(1)).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_presigned_url_gives_one_object_until_it_expires() {
    let place = Place::s3().await;
    let (one, two) =
        (place.put(mission(1), b"number one").await.unwrap(), place.put(mission(1), b"two").await.unwrap());
    let sign = |life| {
        let presign = Presign {
            life: Duration::from_secs(life),
            media_type: "text/plain".into(),
            disposition: "attachment".into(),
        };
        let objects = &place.objects;
        async move { objects.presign_get(mission(1), one.sha256, &presign).await.unwrap().unwrap() }
    };
    let http = crate::harness::Client::new(&server(&place).endpoint());
    let fetch = |url: &str, range: Option<&str>| {
        let path = url.strip_prefix(&server(&place).endpoint()).unwrap();
        let mut request = http.request("GET", path, "");
        if let Some(range) = range {
            request = request.header("range", range);
        }
        async move { crate::harness::Client::finish(request).await.unwrap() }
    };
    let url = sign(60).await;
    assert!(!url.contains(SECRET));
    let answer = fetch(&url, None).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "number one"));
    let answer = fetch(&url, Some("bytes=7-")).await;
    assert_eq!((answer.status, answer.text.as_str()), (206, "one"));
    for tampered in [
        url.replace(&one.sha256.to_string(), &two.sha256.to_string()),
        url.replace(&mission(1).to_string(), &mission(2).to_string()),
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
        url.replace("text%2Fplain", "text%2Fhtml"),
        url.split('?').next().unwrap().to_owned(),
    ] {
        assert_ne!(tampered, url);
        let answer = fetch(&tampered, None).await;
        assert_eq!(answer.status, 403, "{tampered}: {}", answer.text);
    }
    let brief = sign(1).await;
    eventually("it expires", || async { (fetch(&brief, None).await.status == 403).then_some(()) }).await;
}

#[tokio::test]
async fn urls_name_the_public_endpoint() {
    let server = S3Server::start();
    let folder = tempfile::tempdir().unwrap();
    let storage = server.storage(&[("MC_OBJECT_STORAGE_PUBLIC_ENDPOINT", "https://s3.example.org")]);
    let objects = Objects::open(&storage, folder.path()).await.unwrap();
    let presign =
        Presign { life: Duration::from_secs(9), media_type: "a/b".into(), disposition: "attachment".into() };
    let url = objects.presign_get(mission(1), sha256(b"x"), &presign).await.unwrap().unwrap();
    assert!(url.starts_with("https://s3.example.org/artifacts/mc/one/missions/"), "{url}");
}
