//! Where the hub is and where its files are kept, by the variables that `huggingface_hub` reads.

use std::env;
use std::fs;
use std::path::PathBuf;

use super::repository::Repository;

const ENDPOINT: &str = "https://huggingface.co";
/// What switches a variable on.
const YES: [&str; 4] = ["1", "on", "yes", "true"];

/// The hub, this machine's cache of it, and who asks.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Without a slash at its end.
    pub(crate) endpoint: String,
    /// The folder with a folder for each repository.
    pub(crate) cache: PathBuf,
    /// Sent to the hub and to nobody else.
    pub(crate) token: Option<String>,
    /// Nothing is asked of the hub.
    pub(crate) offline: bool,
}

impl Place {
    /// Reads the environment; `None` where not even a home folder is known.
    pub(crate) fn of_environment() -> Option<Self> {
        let home = folder("HF_HOME").or_else(|| {
            let cache = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
            Some(cache?.join("huggingface"))
        });
        let cache = folder("HF_HUB_CACHE").or_else(|| folder("HUGGINGFACE_HUB_CACHE"));
        let cache = cache.or_else(|| Some(home.as_ref()?.join("hub")))?;
        let kept = || {
            let file = folder("HF_TOKEN_PATH").or_else(|| Some(home.as_ref()?.join("token")))?;
            fs::read_to_string(file).ok()
        };
        let token = text("HF_TOKEN").or_else(|| text("HUGGING_FACE_HUB_TOKEN"));
        let token = if switch("HF_HUB_DISABLE_IMPLICIT_TOKEN") { None } else { token.or_else(kept) };
        Some(Self {
            endpoint: text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned()).trim_end_matches('/').to_owned(),
            cache,
            token: token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()),
            offline: switch("HF_HUB_OFFLINE") || switch("TRANSFORMERS_OFFLINE"),
        })
    }

    /// The folder of a repository.
    pub(crate) fn repository(&self, repository: &Repository) -> PathBuf {
        self.cache.join(repository.folder())
    }

    /// The folder of a repository's files at `revision`, a branch, a tag or a commit, where it is in the cache.
    pub(crate) fn snapshot(&self, repository: &Repository, revision: &str) -> Option<PathBuf> {
        let folder = self.repository(repository);
        let commit = fs::read_to_string(folder.join("refs").join(revision)).ok();
        let snapshot = folder.join("snapshots").join(commit.as_deref().unwrap_or(revision).trim());
        snapshot.join("config.json").is_file().then_some(snapshot)
    }

    /// The repositories in the cache that hold a model, with the folder of its main branch, by name.
    pub(crate) fn models(&self) -> Vec<(String, PathBuf)> {
        let entries = fs::read_dir(&self.cache).into_iter().flatten().filter_map(Result::ok);
        let model = |entry: fs::DirEntry| {
            let repository = Repository::of_folder(&entry.file_name().into_string().ok()?)?;
            Some((repository.to_string(), self.snapshot(&repository, "main")?))
        };
        let mut models: Vec<_> = entries.filter_map(model).collect();
        models.sort();
        models
    }
}

fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// A folder's path, `~` at its start being the home folder.
fn folder(name: &str) -> Option<PathBuf> {
    let value = text(name)?;
    match value.strip_prefix("~/") {
        Some(rest) => Some(PathBuf::from(text("HOME")?).join(rest)),
        None => Some(PathBuf::from(value)),
    }
}

fn switch(name: &str) -> bool {
    text(name).is_some_and(|value| YES.contains(&value.to_ascii_lowercase().as_str()))
}
