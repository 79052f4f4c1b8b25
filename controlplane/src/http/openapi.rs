//! The OpenAPI 3.1 document: what the annotations cannot say for every operation at once.

use mc_api::pack::SecretsMode;
use mc_api::reservation::{GlobPair, Overlap, ReservationMode, ReservationState};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, ResponseBuilder,
    SecurityRequirement,
};
use utoipa::{PartialSchema as _, ToSchema as _};

/// Title, security and the problem document.
pub(super) fn base() -> OpenApi {
    let bearer = SecurityScheme::Http(
        HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("a login token (`mcs_…`) or the bootstrap token"))
            .build(),
    );
    let components = ComponentsBuilder::new()
        .security_scheme("bearer", bearer)
        .schema(mc_api::Problem::name(), mc_api::Problem::schema())
        .schema(mc_api::FieldError::name(), mc_api::FieldError::schema())
        .schema(Overlap::name(), Overlap::schema())
        .schema(GlobPair::name(), GlobPair::schema())
        .schema(ReservationMode::name(), ReservationMode::schema())
        .schema(ReservationState::name(), ReservationState::schema())
        .schema(mc_api::Conflict::name(), mc_api::Conflict::schema())
        .schema(mc_api::ConflictReason::name(), mc_api::ConflictReason::schema())
        .schema(SecretsMode::name(), SecretsMode::schema())
        .build();
    let info = InfoBuilder::new()
        .title("MissionControl")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Missions, klusters, tasks, approvals, artifacts and the ledger. Errors are problem documents (RFC 9457). \
             Mutations take `Idempotency-Key`; lists take `limit` and `cursor`; `watch=true` streams changes.",
        ))
        .license(Some(utoipa::openapi::LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some([SecurityRequirement::new("bearer", Vec::<String>::new())]))
        .build()
}

/// Every operation has a name of its own, which generated clients need, and may answer with a problem.
pub(super) fn complete(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let operations: [&mut Option<Operation>; 5] =
            [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            let content =
                ContentBuilder::new().schema(Some(Ref::from_schema_name(mc_api::Problem::name()))).build();
            let response = ResponseBuilder::new()
                .description("a problem document")
                .content("application/problem+json", content)
                .build();
            operation.responses.responses.insert("default".into(), response.into());
            let tag = operation.tags.as_ref().and_then(|tags| tags.first()).map_or("", String::as_str);
            operation.operation_id =
                operation.operation_id.take().map(|name| format!("{}_{name}", tag.replace('-', "_")));
        }
    }
}

/// The document of this build.
pub fn document() -> OpenApi {
    super::router::routes().1
}
