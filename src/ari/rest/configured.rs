//! What the PBX is configured to do, as far as it reports that.

use super::Rest;
use crate::ari::{failure::Failure, wire::Attribute};

impl Rest {
    /// One attribute of an object of a module's configuration, such as `redirect_method` of the `endpoint` `trunk` of
    /// `res_pjsip`; `None` if there is no such object or attribute.
    ///
    /// # Errors
    /// [`Failure`], never [`crate::drop::RefusalKind::NotFound`].
    pub async fn configured(
        &self,
        module: &str,
        [kind, id]: [&str; 2],
        attribute: &str,
    ) -> Result<Option<String>, Failure> {
        let path = ["asterisk", "config", "dynamic", module, kind, id];
        let found: Option<Vec<Attribute>> = self.find(&path, &[]).await?;
        let mut all = found.unwrap_or_default().into_iter();
        let wanted = all.find(|each| each.attribute == attribute);
        Ok(wanted.map(|each| each.value))
    }
}
