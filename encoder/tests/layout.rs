//! Model folders as Hugging Face and sentence-transformers lay them out, and what is said of broken ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tiny;

use std::fs;
use std::path::Path;

use neodex_encoder::{Device, Encoder, Error, ErrorKind, ModelFiles, ModelFolder, Options, Pooling, Role};
use tempfile::TempDir;
use tiny::distance;

fn write(path: impl AsRef<Path>, text: &str) {
    fs::create_dir_all(path.as_ref().parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The three files every model has, in `dir`.
fn copy(dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(tiny::folder().join(file), dir.join(file)).unwrap();
    }
}

/// A sentence-transformers folder with this pooling.
fn sentence_transformers(pooling: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    copy(&dir.path().join("0_Transformer"));
    write(
        dir.path().join("modules.json"),
        r#"[{"idx":0,"name":"0","path":"0_Transformer","type":"sentence_transformers.models.Transformer"},
            {"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.models.Pooling"},
            {"idx":2,"name":"2","path":"2_Normalize","type":"sentence_transformers.models.Normalize"}]"#,
    );
    write(dir.path().join("1_Pooling/config.json"), pooling);
    write(
        dir.path().join("0_Transformer/sentence_bert_config.json"),
        r#"{"max_seq_length":128,"do_lower_case":false}"#,
    );
    write(
        dir.path().join("config_sentence_transformers.json"),
        r#"{"prompts":{"query":"question: ","document":"text: "},"default_prompt_name":null}"#,
    );
    dir
}

fn load(dir: &Path) -> Result<Encoder, Error> {
    Encoder::load(dir, &tiny::exact())
}

#[test]
fn a_hugging_face_folder() {
    let encoder = tiny::encoder();
    let info = encoder.info();
    assert_eq!((encoder.name(), encoder.dimension(), encoder.max_tokens()), ("neobert-tiny", 64, 256));
    assert_eq!((info.pooling, info.stored_as.as_str(), info.architecture.as_str()), (Pooling::Mean, "f32", "neobert"));
    assert_eq!(encoder.parameters(), 183_744);
    assert_eq!(encoder.fingerprint().len(), 64);
}

#[test]
fn a_sentence_transformers_folder() {
    let dir = sentence_transformers(r#"{"pooling_mode_mean_tokens":true}"#);
    let encoder = load(dir.path()).unwrap();
    assert_eq!(encoder.max_tokens(), 128);
    let found = encoder.embed(&["the dog"], Role::Query).unwrap();
    let plain = tiny::encoder();
    assert!(distance(&found[0], &plain.embed(&["question: the dog"], Role::Query).unwrap()[0]) < 1e-5);
    let found = encoder.embed(&["the dog"], Role::Document).unwrap();
    assert!(distance(&found[0], &plain.embed(&["text: the dog"], Role::Query).unwrap()[0]) < 1e-5);
}

#[test]
fn a_prompt_can_be_left_out_of_the_mean() {
    let dir = sentence_transformers(r#"{"pooling_mode_mean_tokens":true,"include_prompt":false}"#);
    let encoder = load(dir.path()).unwrap();
    let found = encoder.embed(&["the dog"], Role::Query).unwrap().remove(0);
    let tokens = encoder.tokenize("question: the dog").unwrap().ids;
    let states = encoder.hidden_states(&[[&[101], tokens.as_slice(), &[102]].concat()]).unwrap().remove(0);
    let skipped = 1 + encoder.count_tokens("question: ").unwrap();
    let sum = |column: usize| states.rows().skip(skipped).map(|row| row[column]).sum::<f32>();
    let sums: Vec<f32> = (0..64).map(sum).collect();
    assert!((tiny::cosine(&found, &sums) - 1.0).abs() < 1e-5);
}

#[test]
fn the_first_token_is_the_vector_where_the_folder_says_so() {
    let dir = sentence_transformers(r#"{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false}"#);
    let encoder = load(dir.path()).unwrap();
    let found = encoder.embed(&["a cat"], Role::Document).unwrap().remove(0);
    let tokens = encoder.tokenize("text: a cat").unwrap().ids;
    let states = encoder.hidden_states(&[[&[101], tokens.as_slice(), &[102]].concat()]).unwrap().remove(0);
    assert!((tiny::cosine(&found, states.rows().next().unwrap()) - 1.0).abs() < 1e-5);
}

#[test]
fn shards_named_by_an_index() {
    let dir = TempDir::new().unwrap();
    copy(dir.path());
    fs::rename(dir.path().join("model.safetensors"), dir.path().join("model-00001-of-00001.safetensors")).unwrap();
    let index = dir.path().join("model.safetensors.index.json");
    write(&index, r#"{"metadata":{},"weight_map":{"model.encoder.weight":"model-00001-of-00001.safetensors"}}"#);
    assert!(load(dir.path()).is_ok());
    write(&index, r#"{"weight_map":{"model.encoder.weight":"../model.safetensors"}}"#);
    assert!(matches!(load(dir.path()), Err(Error::UnsupportedModule { found }) if found == "../model.safetensors"));
}

#[test]
fn each_missing_file_is_named() {
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let dir = TempDir::new().unwrap();
        copy(dir.path());
        fs::remove_file(dir.path().join(file)).unwrap();
        let error = load(dir.path()).unwrap_err();
        assert!(matches!(&error, Error::MissingFile { path, .. } if path.ends_with(file)), "{error}");
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    let dir = sentence_transformers("{}");
    fs::remove_file(dir.path().join("1_Pooling/config.json")).unwrap();
    assert!(
        matches!(load(dir.path()), Err(Error::MissingFile { path, .. }) if path.ends_with("1_Pooling/config.json"))
    );
    assert!(matches!(load(Path::new("no/such/folder")), Err(Error::MissingFile { .. })));
}

#[test]
fn a_step_that_is_not_built_is_named() {
    let dir = sentence_transformers("{}");
    write(dir.path().join("modules.json"), r#"[{"path":"2_Dense","type":"sentence_transformers.models.Dense"}]"#);
    let error = load(dir.path()).unwrap_err();
    assert!(matches!(&error, Error::UnsupportedModule { found } if found.ends_with("Dense")), "{error}");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    write(dir.path().join("modules.json"), "[{]");
    assert!(matches!(load(dir.path()), Err(Error::InvalidJson { file, .. }) if file == "modules.json"));
}

#[test]
fn another_model_is_refused_by_name() {
    let dir = TempDir::new().unwrap();
    copy(dir.path());
    write(dir.path().join("config.json"), r#"{"model_type":"t5","hidden_size":384}"#);
    let error = load(dir.path()).unwrap_err();
    assert!(matches!(&error, Error::UnsupportedArchitecture { found, .. } if found == "t5"), "{error}");
    assert!(error.to_string().contains("NeoBERT"), "{error}");
}

#[test]
fn a_gpu_is_refused_with_the_build_it_takes() {
    let options = Options { device: Device::Cuda(1), ..Options::default() };
    let error = Encoder::load(tiny::folder(), &options).unwrap_err();
    assert!(matches!(&error, Error::DeviceUnavailable { device, .. } if device == "cuda:1"), "{error}");
}

#[test]
fn the_fingerprint_follows_what_decides_a_vector() {
    let print =
        |files: &ModelFiles, options: &Options| Encoder::from_files(files, options).unwrap().fingerprint().to_owned();
    let (files, options) = (tiny::files(), Options::default());
    let plain = print(&files, &options);
    assert_eq!(
        plain,
        print(
            &ModelFiles { name: "other".into(), ..files.clone() },
            &Options { batch_tokens: Some(7), threads: Some(1), ..options.clone() }
        )
    );
    let changed = [
        print(&files, &Options { dimension: Some(32), ..options.clone() }),
        print(&ModelFiles { prompts: Some(b"{\"prompts\":{\"query\":\"q\"}}"[..].into()), ..files.clone() }, &options),
        print(&ModelFiles { pooling: Some(b"{\"pooling_mode\":\"cls\"}"[..].into()), ..files.clone() }, &options),
        print(&ModelFiles { limits: Some(b"{\"max_seq_length\":64}"[..].into()), ..files.clone() }, &options),
        print(&ModelFiles { tokenizer: [&files.tokenizer[..], b" "].concat().into(), ..files.clone() }, &options),
        print(&tiny::with_tensors(|tensors| tensors.get_mut("decoder.bias").unwrap().2[0] ^= 1), &options),
    ];
    for other in changed {
        assert_ne!(plain, other);
    }
}

#[test]
fn finding_a_model_does_not_read_it() {
    let dir = TempDir::new().unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        write(dir.path().join(file), "");
    }
    let found = ModelFolder::open(dir.path()).unwrap();
    assert_eq!(found.weights, [dir.path().join("model.safetensors")]);
    assert!(found.pooling.is_none());
}
