//! Permissions as types.

/// Where a permission can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PermissionScope {
    /// In any organization, for what belongs to that organization.
    Tenant,
    /// Only in the platform organization, for the installation as a whole.
    Platform,
}

impl PermissionScope {
    /// The name in the API: `tenant`, `platform`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Platform => "platform",
        }
    }
}

/// What there is to know about a permission: one action on one resource of one module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PermissionInfo {
    /// `MODULE_RESOURCE_ACTION`, unique in the installation.
    pub code: &'static str,
    /// The code of its module. It cannot be read off `code`, since the parts may contain `_` themselves.
    pub module: &'static str,
    /// The resource acted on.
    pub resource: &'static str,
    /// The action: `READ`, `CREATE`, `UPDATE`, `DELETE`, or one of the resource's own.
    pub action: &'static str,
    /// Where it can be held.
    pub scope: PermissionScope,
    /// What it allows, in a few English words, for whoever grants it.
    pub description: &'static str,
}

impl PermissionInfo {
    /// Whether every part is written as a code (`A-Z`, then `A-Z0-9_`) and the description says something.
    /// [`permission!`](crate::permission!) checks it while compiling.
    #[must_use]
    pub const fn is_well_formed(&self) -> bool {
        is_code(self.module) && is_code(self.resource) && is_code(self.action) && !self.description.is_empty()
    }
}

const fn is_code(text: &str) -> bool {
    let Some((first, mut rest)) = text.as_bytes().split_first() else {
        return false;
    };
    if !first.is_ascii_uppercase() {
        return false;
    }
    while let Some((byte, tail)) = rest.split_first() {
        if !(byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_') {
            return false;
        }
        rest = tail;
    }
    true
}

/// A permission as a type, declared with [`permission!`](crate::permission!), so that holding one and needing another
/// does not compile.
pub trait Permission: Send + Sync + 'static {
    /// What there is to know about it.
    const INFO: &'static PermissionInfo;
}

/// Declares permissions: for each a type without values that implements [`Permission`].
///
/// The three texts are module, resource and action; the code is made of them.
///
/// ```
/// use authz::{Permission as _, PermissionScope};
///
/// authz::permission!(
///     /// Create organizations.
///     pub struct OrganizationCreate = "ORGANIZATION" "ORGANIZATION" "CREATE", Platform, "Create organizations"
/// );
/// assert_eq!(OrganizationCreate::INFO.code, "ORGANIZATION_ORGANIZATION_CREATE");
/// assert_eq!(OrganizationCreate::INFO.scope, PermissionScope::Platform);
/// ```
///
/// A part that is not a code does not compile:
///
/// ```compile_fail,E0080
/// authz::permission!(
///     /// Create organizations.
///     pub struct OrganizationCreate = "ORGANIZATION" "organization" "CREATE", Platform, "Create organizations"
/// );
/// ```
#[macro_export]
macro_rules! permission {
    ($(
        $(#[$meta:meta])*
        $vis:vis struct $name:ident =
            $module:literal $resource:literal $action:literal, $scope:ident, $description:literal
    );+ $(;)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name {}

        impl $crate::Permission for $name {
            const INFO: &'static $crate::PermissionInfo = &$crate::PermissionInfo {
                code: ::core::concat!($module, "_", $resource, "_", $action),
                module: $module,
                resource: $resource,
                action: $action,
                scope: $crate::PermissionScope::$scope,
                description: $description,
            };
        }

        const _: () = ::core::assert!(
            <$name as $crate::Permission>::INFO.is_well_formed(),
            "module, resource and action are codes of A-Z, 0-9 and _, and the description is not empty"
        );
    )+};
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::permission!(
        /// Read invoices.
        struct InvoiceRead = "FINANCE" "INVOICE" "READ", Tenant, "Read invoices";
        /// Change tax rules.
        pub(super) struct TaxRuleUpdate = "FISCAL" "TAX_RULE" "UPDATE", Platform, "Change tax rules";
    );

    #[test]
    fn a_declaration_says_everything_once() {
        assert_eq!(
            *InvoiceRead::INFO,
            PermissionInfo {
                code: "FINANCE_INVOICE_READ",
                module: "FINANCE",
                resource: "INVOICE",
                action: "READ",
                scope: PermissionScope::Tenant,
                description: "Read invoices",
            }
        );
        assert_eq!(TaxRuleUpdate::INFO.code, "FISCAL_TAX_RULE_UPDATE");
        assert_eq!(TaxRuleUpdate::INFO.scope, PermissionScope::Platform);
    }

    #[test]
    fn a_part_that_is_no_code_is_malformed() {
        let good = *InvoiceRead::INFO;
        assert!(good.is_well_formed());
        for bad in [
            "", "finance", "Finance", "1FINANCE", "_FINANCE", "FIN-ANCE", "FIN ANCE", "FINANÇA",
        ] {
            assert!(!PermissionInfo { module: bad, ..good }.is_well_formed(), "{bad}");
            assert!(!PermissionInfo { resource: bad, ..good }.is_well_formed(), "{bad}");
            assert!(!PermissionInfo { action: bad, ..good }.is_well_formed(), "{bad}");
        }
        assert!(
            PermissionInfo {
                module: "CRM2",
                resource: "TAX_RULE_2",
                ..good
            }
            .is_well_formed()
        );
        assert!(
            !PermissionInfo {
                description: "",
                ..good
            }
            .is_well_formed()
        );
    }

    #[test]
    fn a_scope_has_its_name() {
        assert_eq!(
            [PermissionScope::Tenant, PermissionScope::Platform].map(PermissionScope::as_str),
            ["tenant", "platform"]
        );
    }
}
