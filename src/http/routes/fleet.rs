//! `/fleet`: the PBXes, trunks and controllers of this database, with the budgets of the trunks.

use axum::{Json, extract::State};

use crate::{
    http::{Api, caller::now, given::Parameters, problem::Problem},
    orders::{FleetView, fleet_view},
};

/// All of them.
pub(in crate::http) async fn show(
    State(api): State<Api>,
    parameters: Parameters,
) -> Result<Json<FleetView>, Problem> {
    parameters.finish()?;
    let limits = api.config.borrow().trunk.limits;
    Ok(Json(fleet_view(&api.store, &limits, now()).await?))
}
