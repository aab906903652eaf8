//! A whole model from the hub.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::blob::Wanted;
use super::choose::{Sibling, choose};
use super::client::{Client, Head};
use super::link::link;
use super::place::Place;
use super::repository::Repository;
use crate::exit::usage;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Pulled {
    /// The folder with the model's files.
    pub(crate) folder: PathBuf,
    /// The commit they are of.
    pub(crate) commit: String,
    /// Bytes of all files.
    pub(crate) bytes: u64,
    /// Bytes that had to be brought.
    pub(crate) brought: u64,
}

/// Brings the model of `repository` at `revision` into the cache of `place`. `check` is shown the folder once all but the weights are in it, and
/// refuses what cannot be read; `progress` is told bytes done and bytes in all.
pub(crate) fn pull(
    place: &Place,
    repository: &Repository,
    revision: &str,
    check: &dyn Fn(&Path) -> Result<()>,
    progress: &dyn Fn(u64, u64),
) -> Result<Pulled> {
    if place.offline {
        return Err(usage(format!(
            "HF_HUB_OFFLINE is set and {repository} at {revision} is not in {}",
            place.cache.display()
        )));
    }
    if !is_revision(revision) {
        return Err(usage(format!("`{revision}` is no branch, tag or commit")));
    }
    let client = Client::new(place);
    let answer = client.revision(repository, revision)?;
    let (small, weights) = choose(repository, &answer.siblings)?;

    let root = place.repository(repository);
    let snapshot = root.join("snapshots").join(&answer.sha);
    let pulling = Pulling { client: &client, repository, commit: &answer.sha, root: &root, snapshot: &snapshot };
    for folder in [root.join("blobs"), snapshot.clone()] {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let heads = |files: &[Sibling]| -> Result<Vec<(String, Head)>> {
        files.iter().map(|file| Ok((file.path.clone(), client.head(repository, &answer.sha, &file.path)?))).collect()
    };
    let (small, weights) = (heads(&small)?, heads(&weights)?);
    let total = small.iter().chain(&weights).map(|(_, head)| head.size.unwrap_or(0)).sum();
    let mut tally = Tally { done: 0, brought: 0, total, progress };
    for (path, head) in &small {
        pulling.file(path, head, &mut tally)?;
    }
    check(&snapshot)?;
    for (path, head) in &weights {
        pulling.file(path, head, &mut tally)?;
    }
    // The name of a revision counts only once all of it is there.
    if answer.sha != revision {
        let name = root.join("refs").join(revision);
        let folder = name.parent().unwrap_or(&root);
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        fs::write(&name, &answer.sha).with_context(|| format!("cannot write {}", name.display()))?;
    }
    Ok(Pulled { folder: snapshot, commit: answer.sha, bytes: tally.done, brought: tally.brought })
}

/// A pull under way.
struct Pulling<'a> {
    client: &'a Client<'a>,
    repository: &'a Repository,
    commit: &'a str,
    /// The repository's folder in the cache.
    root: &'a Path,
    /// The folder of its files.
    snapshot: &'a Path,
}

/// How far it is.
struct Tally<'a> {
    done: u64,
    brought: u64,
    total: u64,
    progress: &'a dyn Fn(u64, u64),
}

impl Pulling<'_> {
    /// Brings one file and gives it its name in the snapshot.
    fn file(&self, path: &str, head: &Head, tally: &mut Tally<'_>) -> Result<()> {
        let Pulling { client, repository, commit, .. } = *self;
        let before = tally.done;
        let mut first = None;
        let mut last = 0;
        let blob = Wanted { client, repository, commit, path }.bring(head, &self.root.join("blobs"), &mut |have| {
            // What was there when it began was not brought.
            first.get_or_insert(have);
            last = have;
            (tally.progress)(before + have, tally.total);
        })?;
        tally.done += last;
        tally.brought += last.saturating_sub(first.unwrap_or(0));
        let at = self.snapshot.join(path);
        let folder = at.parent().unwrap_or(self.snapshot);
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        // Two folders down is the snapshot itself; each folder of the path is one more.
        let depth = 2 + path.matches('/').count();
        link(&blob, &at, depth).with_context(|| format!("cannot write {}", at.display()))
    }
}

/// Whether a revision's name can be a path below `refs` and part of an address.
fn is_revision(name: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let parts = || name.split('/');
    name.len() < 200 && name.bytes().all(sound) && parts().all(|part| !part.is_empty() && !part.starts_with('.'))
}
