//! Tar in and out (POSIX.1-2001 `ustar` and `pax`, and what GNU tar writes).

use std::io::{Read, Write as _};

use flate2::read::GzDecoder;
use tar::{Archive, Builder, EntryType, Header};

use crate::{File, Limits, Refusal, Tree};

/// The first bytes of gzip (RFC 1952 section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// What an archive may have beside the bytes of its files, for each file that is allowed and once.
const HEADERS_BYTES: usize = 4096;
/// Entries that are no files, such as folders, for each file that is allowed.
const OTHERS: usize = 4;

impl Tree {
    /// Reads an archive, also a gzipped one, without writing anything anywhere.
    ///
    /// # Errors
    /// The first entry that is not allowed, or that the archive is none.
    pub fn read(bytes: &[u8], limits: Limits) -> Result<Self, Refusal> {
        Self::read_with(bytes, limits, "").map(|(tree, _)| tree)
    }

    /// Reads an archive in which one file of this name is no part of the tree: the tree, and that file.
    ///
    /// # Errors
    /// As [`Tree::read`].
    pub fn read_with(bytes: &[u8], limits: Limits, aside: &str) -> Result<(Self, Option<Vec<u8>>), Refusal> {
        // One byte more than is allowed tells that there is more.
        let most = (limits.total_bytes + (limits.files + 16) * HEADERS_BYTES) as u64;
        if bytes.starts_with(&GZIP) {
            read_from(GzDecoder::new(bytes).take(most), limits, aside)
        } else {
            read_from(bytes.take(most), limits, aside)
        }
    }

    /// The archive of this tree: the same bytes each time.
    ///
    /// # Panics
    /// Never: writing to memory does not fail, and every path of a tree is one that tar takes.
    pub fn write(&self) -> Vec<u8> {
        self.write_with(None)
    }

    /// The same with one more file in front that is no part of the tree: its name and content.
    ///
    /// # Panics
    /// As [`Tree::write`]; the name is one of ours.
    pub fn write_with(&self, aside: Option<(&str, &[u8])>) -> Vec<u8> {
        let size: usize = self.iter().map(|(_, file)| file.content.len() + 1536).sum();
        let mut builder = Builder::new(Vec::with_capacity(size + 1024));
        let mut append = |path: &str, content: &[u8], executable: bool| {
            let mut header = Header::new_gnu();
            header.set_entry_type(EntryType::Regular);
            header.set_size(content.len() as u64);
            header.set_mode(if executable { 0o755 } else { 0o644 });
            header.set_mtime(0);
            header.set_uid(0);
            header.set_gid(0);
            builder
                .append_data(&mut header, path, content)
                .expect("memory takes everything, and the path is checked");
        };
        if let Some((name, content)) = aside {
            append(name, content, false);
        }
        for (path, file) in self.iter() {
            append(path, &file.content, file.executable);
        }
        let mut bytes = builder.into_inner().expect("memory takes everything");
        bytes.flush().expect("memory takes everything");
        bytes
    }
}

fn broken(error: &std::io::Error) -> Refusal {
    Refusal::whole(format!("is no tar archive, or not all of one: {error}"))
}

fn read_from(reader: impl Read, limits: Limits, aside: &str) -> Result<(Tree, Option<Vec<u8>>), Refusal> {
    let mut archive = Archive::new(reader);
    let (mut tree, mut own) = (Tree::default(), None);
    let (mut total, mut others) = (0_usize, 0_usize);
    for entry in archive.entries().map_err(|error| broken(&error))? {
        let entry = entry.map_err(|error| broken(&error))?;
        let name = String::from_utf8(entry.path_bytes().into_owned()).map_err(|error| {
            Refusal::new(&String::from_utf8_lossy(error.as_bytes()), "a name that is not UTF-8")
        })?;
        let kind = entry.header().entry_type();
        if !matches!(kind, EntryType::Regular | EntryType::Continuous) {
            others += 1;
            if others > limits.files * OTHERS {
                return Err(Refusal::whole("has too many entries that are no files"));
            }
            check_other(kind, &name)?;
            continue;
        }
        if tree.len() >= limits.files {
            return Err(Refusal::new(&name, format!("more than {} files", limits.files)));
        }
        let path = name.strip_prefix("./").unwrap_or(&name);
        let executable = entry.header().mode().map_err(|error| broken(&error))? & 0o111 != 0;
        let content = content(entry, &name, limits, total)?;
        total += content.len();
        if path != aside {
            tree.insert(path, File { content, executable })?;
        } else if own.replace(content).is_some() {
            return Err(Refusal::new(&name, "is there twice"));
        }
    }
    Ok((tree, own))
}

/// The bytes of an entry; no more than allowed are ever in memory, whatever its header says.
fn content(entry: impl Read, name: &str, limits: Limits, total: usize) -> Result<Vec<u8>, Refusal> {
    let left = limits.total_bytes - total;
    let most = limits.file_bytes.min(left);
    let mut content = Vec::new();
    entry.take(most as u64 + 1).read_to_end(&mut content).map_err(|error| broken(&error))?;
    if content.len() <= most {
        return Ok(content);
    }
    Err(Refusal::new(
        name,
        if most == limits.file_bytes {
            format!("larger than {} bytes", limits.file_bytes)
        } else {
            format!("with it there are more than {} bytes", limits.total_bytes)
        },
    ))
}

/// What is neither file nor allowed.
fn check_other(kind: EntryType, name: &str) -> Result<(), Refusal> {
    let reason = match kind {
        EntryType::Directory => {
            let path = name.strip_prefix("./").unwrap_or(name).trim_end_matches('/');
            return match path {
                "" | "." => Ok(()),
                path => crate::check_path(path).map_err(|reason| Refusal::new(name, reason)),
            };
        }
        EntryType::XGlobalHeader => return Ok(()),
        EntryType::Symlink => "a symbolic link",
        EntryType::Link => "a hard link",
        EntryType::Char | EntryType::Block | EntryType::Fifo => "a device or pipe",
        _ => "neither a file nor a folder",
    };
    Err(Refusal::new(name, reason))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: Limits = Limits { files: 4, file_bytes: 100, total_bytes: 150 };

    fn entry(kind: EntryType, name: &[u8], content: &[u8]) -> Vec<u8> {
        let mut header = Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }

    fn files(names: &[&str]) -> Vec<u8> {
        names.iter().flat_map(|name| entry(EntryType::Regular, name.as_bytes(), b"x")).collect()
    }

    fn refused(bytes: &[u8]) -> String {
        Tree::read(bytes, SMALL).unwrap_err().to_string()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_same_tree_is_the_same_archive_and_comes_back() {
        let mut tree = Tree::default();
        let long = format!("{}/{}", "d".repeat(110), "f".repeat(110));
        for path in ["b/run.sh", "a.md", long.as_str()] {
            let file = File { content: path.as_bytes().to_vec(), executable: path.ends_with("run.sh") };
            tree.insert(path, file).unwrap();
        }
        let bytes = tree.write();
        assert_eq!(Tree::read(&bytes, Limits::BUNDLE).unwrap(), tree);
        assert_eq!(Tree::read(&gzip(&bytes), Limits::BUNDLE).unwrap().write(), bytes);
        let mut other = Tree::default();
        for (path, file) in tree.iter().collect::<Vec<_>>().into_iter().rev() {
            other.insert(path, file.clone()).unwrap();
        }
        assert_eq!(crate::sha256(&other.write()), crate::sha256(&bytes));
        assert_eq!(Tree::default().write().len(), 1024);
    }

    #[test]
    fn a_hostile_entry_is_refused_by_name() {
        for (name, said) in [
            ("/etc/passwd", "/etc/passwd: an absolute path"),
            ("../up", "../up: a path that leads out of the tree"),
            ("a/../../up", "a/../../up: a path that leads out of the tree"),
            (".git/hooks/post-checkout", ".git/hooks/post-checkout: a name that Git acts on"),
            ("a\\b", "a\\b: a character"),
        ] {
            assert!(refused(&files(&[name])).starts_with(said), "{name}: {}", refused(&files(&[name])));
        }
        for (kind, said) in [
            (EntryType::Symlink, "x: a symbolic link"),
            (EntryType::Link, "x: a hard link"),
            (EntryType::Char, "x: a device or pipe"),
            (EntryType::Block, "x: a device or pipe"),
            (EntryType::Fifo, "x: a device or pipe"),
        ] {
            assert_eq!(refused(&entry(kind, b"x", b"")), said);
        }
        assert_eq!(refused(&files(&["a", "a"])), "a: is there twice");
        assert_eq!(refused(&files(&["a/x", "A/X"])), "A/X: has the same name as a/x on some systems");
        assert_eq!(
            refused(&files(&["a/x", "A/y"])),
            "A/y: lies in a folder with the same name as a on some systems"
        );
        assert_eq!(refused(&files(&["a", "a/b"])), "a/b: lies below the file a");
        assert_eq!(refused(&files(&["a/b", "a"])), "a: is a file and a folder");
        assert_eq!(refused(&files(&["a", "b", "c", "d", "e"])), "e: more than 4 files");
        assert_eq!(refused(&entry(EntryType::Regular, b"big", &[0; 101])), "big: larger than 100 bytes");
        let two =
            [entry(EntryType::Regular, b"a", &[0; 100]), entry(EntryType::Regular, b"b", &[0; 51])].concat();
        assert_eq!(refused(&two), "b: with it there are more than 150 bytes");
        assert!(refused(&entry(EntryType::Regular, b"\xff", b"")).contains("not UTF-8"));
        assert!(refused(b"not an archive, certainly not one of 512 bytes").contains("no tar archive"));
        let cut = &entry(EntryType::Regular, b"a", &[7; 90])[..540];
        assert!(refused(cut).contains("no tar archive"), "{}", refused(cut));
    }

    #[test]
    fn folders_are_no_entries_and_their_paths_are_checked_all_the_same() {
        let bytes = [
            entry(EntryType::Directory, b"./", b""),
            entry(EntryType::Directory, b"a/", b""),
            files(&["./a/x"]),
        ];
        assert_eq!(Tree::read(&bytes.concat(), SMALL).unwrap().get("a/x").unwrap().content, b"x");
        assert!(refused(&entry(EntryType::Directory, b"../a/", b"")).contains("leads out of the tree"));
    }

    #[test]
    fn a_bomb_costs_no_memory() {
        // 200 MB of nothing in 200 kB.
        let bomb = gzip(&entry(EntryType::Regular, b"bomb", &vec![0; 200 << 20]));
        assert!(bomb.len() < 1 << 20);
        assert_eq!(refused(&bomb), "bomb: larger than 100 bytes");
        // And a header that promises what does not come.
        let mut header = Header::new_gnu();
        header.set_path("liar").unwrap();
        header.set_size(1 << 40);
        header.set_cksum();
        assert!(Tree::read(header.as_bytes(), Limits::BUNDLE).is_err());
        let folders: Vec<u8> =
            (0..40).flat_map(|n| entry(EntryType::Directory, format!("d{n}").as_bytes(), b"")).collect();
        assert!(refused(&folders).contains("too many entries"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_write(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
            drop(Tree::read(&bytes, SMALL));
        }

        #[test]
        fn a_changed_archive_is_read_or_refused(at in 0_usize..3000, byte in any::<u8>()) {
            let mut bytes = [files(&["a/b", "c"]), vec![0; 1024]].concat();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(tree) = Tree::read(&bytes, SMALL) {
                for (path, _) in tree.iter() {
                    prop_assert!(crate::check_path(path).is_ok());
                }
            }
        }
    }
}
