//! Asks a teacher, any model folder the encoder loads, for the vectors of a set's texts.
//!
//! They are made once for each set and kept in the run's `data/`, in half precision, one row a span. A span is turned back into text by
//! the set's own tokenizer, so it is lower case where that is; a passage is preceded by its window's title and headings, where there are
//! any. All vectors are turned by one rotation that brings what varies most to the front ([`super::rotation`]).

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use candle_core::DeviceLocation;
use half::f16;
use half::slice::HalfFloatSliceExt;
use neodex_encoder::{Encoder, Options, Role as TextRole};
use tokenizers::Tokenizer;

use super::rotation::Rotation;
use crate::data::{Role, Set};
use crate::error::{Error, Result};
use crate::prepare::Words;
use crate::progress::Observer;
use crate::recipe::Recipe;
use crate::run::{RunOptions, prepared};

/// Texts that are asked for at a time.
const BATCH: usize = 256;
/// Texts the rotation is fitted on.
const SAMPLE: usize = 4096;

/// Gives every set of `sets` without a teacher's vectors those of the recipe's teacher, if that is a folder. One that is not must have
/// been asked before.
///
/// # Errors
/// Those of loading the teacher and of writing its vectors; [`Error::Config`] where it is not there and was never asked.
pub(super) fn teach(
    sets: &mut [Set],
    recipe: &Recipe,
    words: &Words,
    options: &RunOptions,
    observer: &mut dyn Observer,
) -> Result<()> {
    let Some(name) = &recipe.contrastive()?.teacher else { return Ok(()) };
    if sets.iter().all(|set| set.teacher_dimension() > 0) {
        return Ok(());
    }
    let named = recipe.resolve(Path::new(name), options.data.as_deref());
    let folder = options.teacher.clone().filter(|_| !named.is_dir()).unwrap_or(named);
    if !folder.is_dir() {
        if sets.iter().any(|set| set.teacher_dimension() > 0) {
            return Ok(());
        }
        let reason =
            format!("is `{name}`: there is no model's folder {}, and no set has a teacher.f16", folder.display());
        return Err(Error::config("contrastive.teacher", reason));
    }
    let device = match options.device.location() {
        DeviceLocation::Cuda { gpu_id } => neodex_encoder::Device::Cuda(gpu_id),
        _ => neodex_encoder::Device::Cpu,
    };
    let encoder = Encoder::load(&folder, &Options { device, ..Options::default() })?;
    let fingerprint = encoder.fingerprint();
    let kept = prepared(&options.output).join("teachers").join(fingerprint.get(..12).unwrap_or(fingerprint));
    std::fs::create_dir_all(&kept).map_err(Error::io(&kept))?;
    let tokenizer =
        Tokenizer::from_bytes(&words.json).map_err(|error| Error::Tokenizer { reason: error.to_string() })?;
    let mut teacher = Teacher { encoder, tokenizer, rotation: None, folder: kept };
    for set in sets.iter_mut().filter(|set| set.teacher_dimension() == 0) {
        let file = teacher.vectors(set, observer)?;
        set.taught_by(&file)?;
    }
    Ok(())
}

struct Teacher {
    encoder: Encoder,
    /// The set's.
    tokenizer: Tokenizer,
    rotation: Option<Rotation>,
    folder: PathBuf,
}

impl Teacher {
    /// The file of a set's vectors, made now if it is not there.
    fn vectors(&mut self, set: &Set, observer: &mut dyn Observer) -> Result<PathBuf> {
        let file = self.folder.join(format!("{}.f16", set.fingerprint()));
        if file.is_file() {
            return Ok(file);
        }
        let rotation = match self.rotation.take() {
            Some(rotation) => rotation,
            None => self.rotation(set, observer)?,
        };
        let partial = file.with_extension("partial");
        let mut out = BufWriter::new(File::create(&partial).map_err(Error::io(&partial))?);
        let spans: Vec<u32> = (0..set.spans() as u32).collect();
        let what = format!("asking {} about {}", self.encoder.name(), set.manifest().name);
        for (at, spans) in spans.chunks(BATCH).enumerate() {
            observer.preparing(&what, (at * BATCH) as u64, Some(set.spans() as u64));
            for vector in self.embed(set, spans)? {
                let mut row = vec![f16::ZERO; vector.len()];
                row.convert_from_f32_slice(&rotation.turn(&vector));
                let bytes: Vec<u8> = row.iter().flat_map(|number| number.to_le_bytes()).collect();
                out.write_all(&bytes).map_err(Error::io(&partial))?;
            }
        }
        out.into_inner()
            .map_err(|error| Error::io(&partial)(error.into_error()))?
            .sync_all()
            .map_err(Error::io(&partial))?;
        std::fs::rename(&partial, &file).map_err(Error::io(&file))?;
        self.rotation = Some(rotation);
        Ok(file)
    }

    /// The rotation of this teacher, fitted on texts of the first set it is asked about.
    fn rotation(&self, set: &Set, observer: &mut dyn Observer) -> Result<Rotation> {
        let file = self.folder.join("rotation.f32");
        if let Some(rotation) = Rotation::read(&file, self.encoder.dimension())? {
            return Ok(rotation);
        }
        observer.preparing(&format!("looking at {}", self.encoder.name()), 0, None);
        let every = set.spans().div_ceil(SAMPLE).max(1);
        let sample: Vec<u32> = (0..set.spans() as u32).step_by(every).collect();
        let mut vectors = Vec::with_capacity(sample.len());
        for spans in sample.chunks(BATCH) {
            vectors.extend(self.embed(set, spans)?);
        }
        let rotation = Rotation::fit(&vectors, self.encoder.dimension())?;
        rotation.write(&file)?;
        Ok(rotation)
    }

    /// Vectors of length 1, in the order of `spans`.
    fn embed(&self, set: &Set, spans: &[u32]) -> Result<Vec<Vec<f32>>> {
        let texts = spans.iter().map(|&span| self.text(set, span)).collect::<Result<Vec<_>>>()?;
        let mut vectors = vec![Vec::new(); texts.len()];
        for (role, as_asked) in [(Role::Query, TextRole::Query), (Role::Document, TextRole::Document)] {
            let of_role = texts.iter().enumerate().filter(|(_, (found, _))| *found == role);
            let (places, texts): (Vec<usize>, Vec<&str>) = of_role.map(|(at, (_, text))| (at, text.as_str())).unzip();
            for (at, vector) in places.into_iter().zip(self.encoder.embed(&texts, as_asked)?) {
                vectors.get_mut(at).into_iter().for_each(|slot| slot.clone_from(&vector));
            }
        }
        Ok(vectors)
    }

    /// A span as text, and what it is.
    fn text(&self, set: &Set, number: u32) -> Result<(Role, String)> {
        let fault = || Error::config("contrastive.sets", format!("{} has no span {number}", set.manifest().name));
        let span = set.span(number).ok_or_else(fault)?;
        let sequence = set.sequence(span.sequence).ok_or_else(fault)?;
        let decode = |tokens: Option<&[u16]>| -> Result<String> {
            let ids: Vec<u32> = tokens.unwrap_or_default().iter().map(|&id| u32::from(id)).collect();
            self.tokenizer.decode(&ids, true).map_err(|error| Error::Tokenizer { reason: error.to_string() })
        };
        let own = decode(sequence.tokens.get(span.tokens))?;
        if sequence.context == 0 || sequence.role == Role::Query {
            return Ok((sequence.role, own));
        }
        Ok((sequence.role, format!("{}. {own}", decode(sequence.tokens.get(..sequence.context))?)))
    }
}
