//! After a restored snapshot, copies of one process draw different bytes.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::Environment;
use crate::aead::Random;
use crate::config::Config;
use crate::context::Context;
use crate::error::Result;
use crate::random::Renewal;
use crate::vault::Vault;

/// Draws what every copy of one snapshot draws, when the hypervisor tells the kernel nothing.
struct Replaying {
    next: AtomicU8,
    renewal: Renewal,
}

impl Replaying {
    fn draw(&self, output: &mut [u8]) -> Result<()> {
        output.fill_with(|| self.next.fetch_add(1, Ordering::Relaxed));
        Ok(())
    }
}

impl Random for Replaying {
    fn fill(&self, output: &mut [u8]) -> Result<()> {
        self.draw(output)?;
        self.renewal.mix_into(output);
        Ok(())
    }

    fn after_restore(&self) -> Result<()> {
        self.renewal.renew(|seed| self.draw(seed))
    }
}

/// The message ids and keys that a copy makes of one snapshot; the store is the same for all of them.
fn copy_of(directory: &std::path::Path, restored: bool) -> (Vec<u8>, Vec<u8>, [u8; 32]) {
    let environment = Environment {
        random: Arc::new(Replaying { next: AtomicU8::new(0), renewal: Renewal::new() }),
        ..Environment::default()
    };
    let vault = Vault::open_in(Config::from_file(directory.join("libvault.toml")).unwrap(), environment).unwrap();
    let context = Context::new([("organization_id", "org_123")]).unwrap();
    vault.encrypt_now(b"loads the managed keys", &context, None).unwrap();
    let uses = vault.stats().root_key_uses;
    if restored {
        vault.after_restore().unwrap();
    }
    let envelope = vault.encrypt_now(b"same bytes", &context, None).unwrap();
    assert_eq!(vault.stats().root_key_uses > uses, restored, "the cache is dropped after a restore");
    assert_eq!(vault.decrypt_now(&envelope, &context, None).unwrap(), b"same bytes");
    let created = vault.create_data_key_now(&context).unwrap();
    (envelope, created.bundle.clone(), *created.key())
}

#[test]
fn copies_of_a_snapshot_differ_after_restore() {
    let _alone = super::restoring::Alone::begin();
    let directory = tempfile::tempdir().unwrap();
    crate::init::init(directory.path()).unwrap();
    copy_of(directory.path(), false);
    // The control: without the call, two copies make the same key, id and envelope.
    assert_eq!(copy_of(directory.path(), false), copy_of(directory.path(), false));
    let (one, two) = (copy_of(directory.path(), true), copy_of(directory.path(), true));
    assert_ne!(one.0, two.0);
    assert_ne!(one.1, two.1);
    assert_ne!(one.2, two.2);
}
