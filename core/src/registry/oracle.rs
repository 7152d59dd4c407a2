//! Compares matching with the brute-force model of `tests/gen/make_matching.py`, case by case.

use std::io::BufRead;
use std::path::Path;

use serde_json::Value;

use super::{Binding, CustomerKey, Owners, Registry, binding_id, key_id};
use crate::config::{BindingConfig, Config};
use crate::context::Context;
use crate::kms::{BoxFuture, Kek, KmsFailure, KmsReply, UnwrapRequest, WrapRequest};
use crate::secret::Secret;

/// Matching never touches a key; this one would notice.
struct Untouched;

impl Kek for Untouched {
    fn provider(&self) -> &'static str {
        "untouched"
    }
    fn needs_network(&self) -> bool {
        panic!("matching looked at a key")
    }
    fn blob_length_limit(&self) -> usize {
        panic!("matching looked at a key")
    }
    fn wrap<'a>(&'a self, _: WrapRequest<'a>) -> BoxFuture<'a, Result<KmsReply<Vec<u8>>, KmsFailure>> {
        panic!("matching used a key")
    }
    fn unwrap<'a>(&'a self, _: UnwrapRequest<'a>) -> BoxFuture<'a, Result<KmsReply<Secret<64>>, KmsFailure>> {
        panic!("matching used a key")
    }
}

fn binding(config: BindingConfig) -> Binding {
    let items = config.selector.items().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let keys = config.keys.into_iter().map(|key| {
        let (address, owned, is_alias) = (key.address.canonical(), key.address.owned(), key.address.is_alias());
        CustomerKey { id: key_id(&key.id), name: key.id, address, is_alias, owned, kek: Box::new(Untouched) }.into()
    });
    Binding {
        id: binding_id(&config.id),
        name: config.id,
        owner: config.owner,
        selector_items: items,
        selector: config.selector,
        state: config.state,
        policy: config.policy,
        deny_while_pending: config.deny_while_pending,
        shared: config.shared,
        min_wraps: config.min_wraps,
        fail_over_on_refusal: config.fail_over_on_refusal,
        enforced: config.enforced,
        keys: keys.collect(),
    }
}

fn registry(shape: &Value) -> Registry {
    let mut shape = shape.clone();
    shape["store"] = "vault.db".into();
    shape["root_key"] = serde_json::json!({ "provider": "local", "path": "root.key" });
    let config = Config::from_json(&shape.to_string(), Path::new("")).unwrap();
    Registry::new(config.bindings.into_iter().map(binding).collect(), config.rules, &Owners::default()).unwrap()
}

fn decision(registry: &Registry, context: &Context) -> Value {
    let outcome = match registry.decide(context, |_| ()) {
        Err(error) => return serde_json::json!({ "error": error.code().name() }),
        Ok(outcome) => outcome,
    };
    let bindings: Vec<_> = outcome.bindings().iter().map(|binding| &binding.name).collect();
    let keys = outcome.bindings().iter().map(|binding| binding.keys.iter().map(|key| &key.name).collect());
    let keys: Vec<Vec<_>> = keys.collect();
    let managed: Vec<_> = outcome.managed_items().into_iter().flat_map(Context::items).map(|(name, _)| name).collect();
    serde_json::json!({ "policy": outcome.policy().name(), "bindings": bindings, "keys": keys, "managed": managed })
}

/// What stage 3 of reading says of a bundle without any share.
fn unshared(registry: &Registry, context: &Context) -> Value {
    let readable = registry.check_readable(context, |_| false);
    readable.map_or_else(|error| error.code().name().into(), |()| Value::Null)
}

/// Needs the file that `make test` generates, named by `LIBVAULT_MATCHING_CASES`.
#[test]
#[ignore = "needs generated cases: run `make test`"]
fn matching_equals_the_brute_force_model() {
    let path = std::env::var_os("LIBVAULT_MATCHING_CASES").expect("LIBVAULT_MATCHING_CASES names the generated cases");
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut count = 0;
    for line in file.lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let registry = registry(&line["registry"]);
        for case in line["cases"].as_array().unwrap() {
            let items = case["context"].as_object().unwrap();
            let context = Context::new(items.iter().map(|(name, value)| (name, value.as_str().unwrap()))).unwrap();
            let mut expected = case["expect"].clone();
            expected.as_object_mut().unwrap().remove("names");
            assert_eq!(decision(&registry, &context), expected, "{} for {items:?}", line["registry"]);
            assert_eq!(unshared(&registry, &context), case["unshared"], "{} for {items:?}", line["registry"]);
            count += 1;
        }
    }
    assert!(count >= 100_000, "{count} cases");
}
