//! The moves of a reservation.

use mc_api::reservation::{CheckPaths, PathCheck, RenewReservation, Reservation};
use reqwest::Method;

use crate::transport::Call;
use crate::{Client, Error};

impl Client {
    /// Renews the lease of a reservation.
    pub async fn renew_reservation(&self, id: &str, body: &RenewReservation) -> Result<Reservation, Error> {
        let path = ["api", "v1", "reservations", id, "renew"];
        self.json(Call::new(Method::POST, &path).json(body)).await
    }

    /// Gives the paths of a reservation back.
    pub async fn release_reservation(&self, id: &str) -> Result<Reservation, Error> {
        let path = ["api", "v1", "reservations", id, "release"];
        self.json(Call::new(Method::POST, &path)).await
    }

    /// Asks which reservations touch paths.
    pub async fn check_paths(&self, body: &CheckPaths) -> Result<PathCheck, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "reservations", "check"]).json(body)).await
    }
}
