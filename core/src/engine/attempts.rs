//! What an attempt at the verbs that always ask the keys does: decide, ask whether the network may be waited for, and work. Those that may use a lease are in
//! `seal.rs` and `open.rs`.

use std::sync::Arc;

use super::change::{Downgrade, RewrapOptions, Rewrappable};
use crate::call::Attempt;
use crate::context::Context;
use crate::envelope::{Bundle, Envelope, FrameAad};
use crate::error::Result;
use crate::secret::Secret;
use crate::stream::ReencryptorStart;
use crate::vault::DataKey;

impl Attempt<'_> {
    pub(crate) async fn create_data_key(&mut self, context: &Context) -> Result<DataKey> {
        let Self { call, snapshot, task, .. } = self;
        let protection = snapshot.protect(context, call.store_access()).await?;
        task.deadline = call.deadline(snapshot, protection.needs_network())?;
        let created = call.drive(task.deadline, snapshot.create_data_key(&protection, context, task)).await;
        created.map(|(bundle, key)| DataKey::new(bundle, key))
    }

    pub(crate) async fn decrypt_data_key(&mut self, bundle: &Bundle<'_>, context: &Context) -> Result<Secret<32>> {
        let Self { call, snapshot, task, .. } = self;
        let opening = snapshot.examine(bundle, context, call.store_access()).await?;
        task.deadline = call.deadline(snapshot, opening.needs_network())?;
        call.drive(task.deadline, snapshot.unwrap(&opening, task)).await.map(|(key, _)| key)
    }

    pub(crate) async fn rewrap(
        &mut self,
        data: &Rewrappable<'_>,
        context: &Context,
        options: RewrapOptions,
    ) -> Result<Vec<u8>> {
        let Self { call, snapshot, task, .. } = self;
        let change = snapshot.examine_rewrap(data.bundle(), context, options, call.store_access()).await?;
        task.trail.downgrade(change.is_downgrade);
        task.deadline = call.deadline(snapshot, change.needs_network())?;
        call.drive(task.deadline, snapshot.rewrap(&change, data, context, task)).await
    }

    pub(crate) async fn reencrypt(
        &mut self,
        envelope: &Envelope<'_>,
        context: &Context,
        aad: Option<&[u8]>,
        downgrade: Downgrade,
    ) -> Result<Vec<u8>> {
        let Self { call, snapshot, task, .. } = self;
        let change = snapshot.examine_reencrypt(&envelope.bundle, context, downgrade, call.store_access()).await?;
        task.trail.downgrade(change.is_downgrade);
        task.deadline = call.deadline(snapshot, change.needs_network())?;
        call.drive(task.deadline, snapshot.reencrypt(&change, envelope, context, aad, task)).await
    }

    /// The beginning of a re-encrypting stream.
    pub(crate) async fn begin_reencryption(
        &mut self,
        envelope: &Envelope<'_>,
        context: &Context,
        aad: FrameAad,
        downgrade: Downgrade,
    ) -> Result<ReencryptorStart> {
        let Self { call, snapshot, task, process } = self;
        let change = snapshot.examine_reencrypt(&envelope.bundle, context, downgrade, call.store_access()).await?;
        task.trail.downgrade(change.is_downgrade);
        task.deadline = call.deadline(snapshot, change.needs_network())?;
        let deadline = task.deadline;
        let work = snapshot.begin_reencryption(&change, envelope, context, aad, task);
        let (old_key, new) = call.drive(deadline, work).await?;
        let hold = snapshot.leases.hold_of_stream(std::mem::take(&mut task.consent), *process);
        Ok(ReencryptorStart { snapshot: Arc::clone(snapshot), old_key, new, hold })
    }

    pub(crate) async fn rekey(
        &mut self,
        bundle: &Bundle<'_>,
        old_context: &Context,
        new_context: &Context,
        downgrade: Downgrade,
    ) -> Result<Vec<u8>> {
        let Self { call, snapshot, task, .. } = self;
        task.trail.new_context(new_context);
        let change = snapshot.examine_rekey(bundle, old_context, new_context, downgrade, call.store_access()).await?;
        task.trail.downgrade(change.is_downgrade);
        task.deadline = call.deadline(snapshot, change.needs_network())?;
        call.drive(task.deadline, snapshot.rekey(&change, new_context, task)).await
    }
}
