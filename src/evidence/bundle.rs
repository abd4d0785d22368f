//! What is handed out about a person: a zip file with what is known, each call, and the evidence of each, by a manifest of digests.
//!
//! ```text
//!  person.json              contacts, consent, decisions, calls, do-not-call entries
//!  calls/DROP.json          a call, with its report
//!  evidence/DROP/...        what was heard and played in it, as it was kept
//!  manifest.json            when it was made and by whom, and the size and the SHA-256 of each file above
//! ```

use std::{
    fs::File,
    io::{self, Read as _, Seek, Write},
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::files::{KEPT_FILES, MANIFEST};
use crate::id::DropId;

/// A zip file that is being written.
pub struct PersonBundle<W: Write + Seek> {
    zip: ZipWriter<W>,
    options: SimpleFileOptions,
    made_at: Timestamp,
    files: Vec<Value>,
    /// Folders of evidence that are not on this machine.
    elsewhere: Vec<PathBuf>,
}

/// What is in a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleContents {
    /// How many files, beside the manifest.
    pub files: usize,
    /// Folders of evidence that are not on this machine, and are not in it.
    pub elsewhere: Vec<PathBuf>,
}

impl<W: Write + Seek> PersonBundle<W> {
    /// Begins one.
    pub fn new(out: W, made_at: Timestamp) -> Self {
        let at = made_at.to_zoned(TimeZone::UTC);
        let part = |value: i8| u8::try_from(value).unwrap_or(0);
        let time = DateTime::from_date_and_time(
            u16::try_from(at.year()).unwrap_or(0),
            part(at.month()),
            part(at.day()),
            part(at.hour()),
            part(at.minute()),
            part(at.second()),
        );
        Self {
            zip: ZipWriter::new(out),
            options: SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .unix_permissions(0o600)
                .last_modified_time(time.unwrap_or_default()),
            made_at,
            files: Vec::new(),
            elsewhere: Vec::new(),
        }
    }

    /// Adds what is known of the person.
    ///
    /// # Errors
    /// What the system says.
    pub fn add_person(&mut self, person: &Value) -> io::Result<()> {
        self.add_json("person.json", person)
    }

    /// Adds a call, and its evidence as far as it is in this folder. `number` takes the place of the number in its manifest, which
    /// may be whole; `None` leaves it as it was kept.
    ///
    /// # Errors
    /// What the system says.
    pub fn add_call(
        &mut self,
        drop: DropId,
        call: &Value,
        evidence: Option<&Path>,
        number: Option<&str>,
    ) -> io::Result<()> {
        self.add_json(&format!("calls/{drop}.json"), call)?;
        let Some(folder) = evidence else {
            return Ok(());
        };
        let mut is_here = false;
        for (file, _) in KEPT_FILES {
            let mut source = match File::open(folder.join(file)) {
                Ok(source) => source,
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                    ) =>
                {
                    continue;
                }
                Err(error) => return Err(error),
            };
            is_here = true;
            let mut bytes = Vec::new();
            source.read_to_end(&mut bytes)?;
            if let Some(number) = number.filter(|_| file == MANIFEST) {
                let mut manifest: Value = serde_json::from_slice(&bytes)?;
                if let Some(kept) = manifest.get_mut("number") {
                    *kept = number.into();
                }
                bytes = serde_json::to_vec_pretty(&manifest)?;
            }
            self.add(&format!("evidence/{drop}/{file}"), &bytes)?;
        }
        if !is_here {
            self.elsewhere.push(folder.to_owned());
        }
        Ok(())
    }

    /// Adds the manifest, and ends the file.
    ///
    /// # Errors
    /// What the system says.
    pub fn end(self, number: &str, made_by: &str) -> io::Result<(W, BundleContents)> {
        self.end_as("aftertone_person", number, made_by)
    }

    /// The same of a file that is about one call.
    ///
    /// # Errors
    /// What the system says.
    pub fn end_of_call(self, number: &str, made_by: &str) -> io::Result<(W, BundleContents)> {
        self.end_as("aftertone_call", number, made_by)
    }

    fn end_as(
        mut self,
        format: &str,
        number: &str,
        made_by: &str,
    ) -> io::Result<(W, BundleContents)> {
        let elsewhere = self.elsewhere.iter();
        let elsewhere: Vec<_> = elsewhere.map(|path| path.display().to_string()).collect();
        let manifest = json!({
            format: 1,
            "aftertone": env!("CARGO_PKG_VERSION"),
            "number": number,
            "made_at": self.made_at,
            "made_by": made_by,
            "files": self.files,
            "evidence_elsewhere": elsewhere,
        });
        let contents = BundleContents {
            files: self.files.len(),
            elsewhere: std::mem::take(&mut self.elsewhere),
        };
        self.add_json("manifest.json", &manifest)?;
        Ok((self.zip.finish()?, contents))
    }

    fn add_json(&mut self, name: &str, value: &Value) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(value)?;
        self.add(name, &text)
    }

    fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.zip.start_file(name, self.options)?;
        self.zip.write_all(bytes)?;
        let digest = Sha256::digest(bytes);
        let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let entry = json!({"name": name, "bytes": bytes.len(), "sha256": sha256});
        self.files.push(entry);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Cursor};

    use zip::ZipArchive;

    use super::*;

    #[test]
    fn a_bundle_holds_what_its_manifest_lists() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("drop.json"), "{}").unwrap();
        fs::write(folder.path().join("other.txt"), "not ours").unwrap();
        let at: Timestamp = "2026-12-01T10:11:12Z".parse().unwrap();
        let mut bundle = PersonBundle::new(Cursor::new(Vec::new()), at);
        bundle
            .add_person(&json!({"number": "+12025550101"}))
            .unwrap();
        let (one, two) = (DropId::from_u128(1), DropId::from_u128(2));
        bundle
            .add_call(one, &json!({"n": 1}), Some(folder.path()), None)
            .unwrap();
        let gone = Path::new("/nowhere/evidence");
        bundle
            .add_call(two, &json!({"n": 2}), Some(gone), None)
            .unwrap();
        let (out, contents) = bundle.end("+12025550101", "root").unwrap();
        assert_eq!(
            (contents.files, contents.elsewhere),
            (4, vec![gone.to_owned()])
        );

        let mut zip = ZipArchive::new(out).unwrap();
        let mut read = |name: &str| {
            let mut bytes = Vec::new();
            zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        };
        let manifest: Value = serde_json::from_slice(&read("manifest.json")).unwrap();
        let files = manifest["files"].as_array().unwrap();
        assert_eq!(files.len(), 4);
        for file in files {
            let bytes = read(file["name"].as_str().unwrap());
            let digest = Sha256::digest(&bytes);
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(file["sha256"], hex.as_str(), "{file}");
        }
        assert_eq!(manifest["evidence_elsewhere"], json!(["/nowhere/evidence"]));
        assert_eq!(zip.len(), 5);
    }
}
