//! How the secrets of two revisions differ. Where a value is may be shown; the value is not even known here.

use std::collections::BTreeMap;

use super::{Differ, keys, plain};
use crate::change::Change;
use crate::desired::{SecretFile, SecretSpec};

impl Differ<'_> {
    /// The secrets of `list`: `secrets`, or those of the log driver.
    pub(super) fn secrets(&mut self, list: &str, old: &[SecretSpec], new: &[SecretSpec]) {
        let by_name = |secrets: &'_ [SecretSpec]| -> BTreeMap<String, SecretSpec> {
            secrets.iter().map(|secret| (secret.name.clone(), secret.clone())).collect()
        };
        let (old, new) = (by_name(old), by_name(new));
        for name in keys(&old, &new) {
            self.secret(list, name, old.get(name), new.get(name));
        }
    }

    fn secret(&mut self, list: &str, name: &str, old: Option<&SecretSpec>, new: Option<&SecretSpec>) {
        let index = self.index;
        let path = format!("{list}.{}", plain(name));
        let reference = |secret: Option<&SecretSpec>| secret.map(|secret| plain(&secret.value_from));
        let (Some(before), Some(wanted)) = (old, new) else {
            self.add(&path, reference(old), reference(new), false, |site| site.of_secret(index, list, name, ""));
            return;
        };
        let SecretSpec { name: _, value_from, version, file } = wanted;
        if before.value_from != *value_from {
            self.add(&format!("{path}.valueFrom"), reference(old), reference(new), false, |site| {
                site.of_secret(index, list, name, "/valueFrom")
            });
        } else if before.version != *version {
            self.add(&path, None, None, true, |site| site.of_secret(index, list, name, "/valueFrom"));
            let is_known = before.version.zip(*version).is_some_and(|(before, wanted)| before.key == wanted.key);
            if let Some(last) = self.found.last_mut().filter(|_| !is_known) {
                last.change = Change::NotCompared;
            }
        }
        self.secret_file(&path, name, before.file.as_ref(), file.as_ref());
    }

    fn secret_file(&mut self, path: &str, name: &str, old: Option<&SecretFile>, new: Option<&SecretFile>) {
        let index = self.index;
        let texts = |file: Option<&SecretFile>| match file {
            Some(SecretFile { path, mode, owner }) => {
                [Some(plain(path)), Some(mode.to_string()), Some(owner.to_string())]
            }
            None => [None, None, None],
        };
        for ((field, from), to) in ["path", "mode", "owner"].into_iter().zip(texts(old)).zip(texts(new)) {
            // What a file is like is told by its path when there was none, or will be none.
            if from != to && (field == "path" || from.is_some() && to.is_some()) {
                self.add(&format!("{path}.{field}"), from, to, false, |site| {
                    site.of_secret(index, "secrets", name, &format!("/{field}"))
                });
            }
        }
    }
}
