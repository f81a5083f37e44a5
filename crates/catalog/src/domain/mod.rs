//! Modules, packages and what follows from them. No storage, no HTTP, no JSON.

mod module;
mod package;
mod standing;
mod values;

pub(crate) use module::{CoreModule, Module, ModuleChanges, NewModule, StoredModule};
pub(crate) use package::{
    Contents, NamedModule, NamedPermission, NewPackage, Package, PackageChanges, StoredPackage, one_for_each,
    quota_texts,
};
pub(crate) use standing::{
    Effect, Ground, ModuleFacts, ModuleOverride, OnPackage, Packaged, PermissionOverride, QuotaOverride, Standing,
    Switched, Terms, Withholding, lasts,
};
pub(crate) use values::{Description, Icon, Metric, ModuleCode, Name, PackageCode, Reason};
