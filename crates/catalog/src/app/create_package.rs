//! Making a package.

use authz::Granted;
use db::UnitOfWork;

use super::{AskedContents, Refusal, resolve};
use crate::domain::{Contents, Description, Name, NewPackage, Package, PackageCode};
use crate::manifest::PackageCreate;
use crate::store::{modules, packages};

/// Makes a package. No organization is on it yet.
///
/// # Errors
/// [`Refusal::Invalid`]; [`Refusal::Storage`], a taken code among it, at the latest when the unit commits.
pub(crate) async fn create_package(
    granted: &Granted<PackageCreate>,
    uow: &UnitOfWork,
    code: PackageCode,
    name: Name,
    description: Option<Description>,
    asked: AskedContents,
) -> Result<Package, Refusal> {
    let resolved = resolve(uow.global().reads(), asked).await?;
    let contents = Contents {
        modules: resolved.modules.unwrap_or_default(),
        withheld: resolved.withheld.unwrap_or_default(),
        quotas: resolved.quotas.unwrap_or_default(),
    };
    let new = NewPackage {
        code,
        name,
        description,
        contents,
    };
    let mut package = Package::create(uow.generators().id(), new, uow.now());
    let epoch = modules::on_epoch(uow).await?;
    packages::add(uow, granted.organization(), &mut package, epoch).await?;
    Ok(package)
}
