//! Weights and thresholds of the logistic models, in the order of [`crate::features::NAMES`].
//! Written by `mc-bench overlap --fit --model DIR`; not edited by hand.

use crate::features::COUNT;
use crate::provider::OperatingPoints;

pub(crate) const LEXICAL: [f32; COUNT] = [
    0.0000, 0.0000, 1.9313, 0.7487, 0.5252, 0.2582, 1.1876, 1.9418, 0.0000, -0.6614, 0.0000, 0.0000, -0.2322,
    0.3964, -0.4395, 0.6322, -1.0018, -3.0329, -4.4422, 0.0000, -0.3014, 0.0000, 6.3199, 2.3520, 0.3961,
    -1.2724, 3.3039, -4.3618, -1.2408, -1.4591, -0.1869, -5.4267, -4.5411, -3.1576, 0.0000, 0.0000, 0.0000,
    0.0000,
];
pub(crate) const LEXICAL_BIAS: f32 = -2.5657;
pub(crate) const LEXICAL_POINTS: OperatingPoints =
    OperatingPoints { suggest: 0.160, require_ack: 0.200, block: 0.770 };

pub(crate) const BUILTIN: [f32; COUNT] = [
    0.0000, 0.0000, 1.9305, 0.7475, 0.5247, 0.2590, 1.1880, 1.9418, 0.0000, -0.6609, 0.0000, 0.0000, -0.2322,
    0.3966, -0.4395, 0.6324, -1.0020, -3.0329, -4.4423, 0.0000, -0.3018, 0.0000, 6.3200, 2.3521, 0.3964,
    -1.2722, 3.3040, -4.3616, -1.2407, -1.4591, -0.1865, -5.4264, -4.5405, -3.1570, 0.0000, 0.0000, 0.0000,
    0.0000,
];
pub(crate) const BUILTIN_BIAS: f32 = -2.5651;
pub(crate) const BUILTIN_POINTS: OperatingPoints =
    OperatingPoints { suggest: 0.160, require_ack: 0.200, block: 0.770 };

pub(crate) const MINILM: [f32; COUNT] = [
    0.0000, 0.0000, 0.6771, 0.0000, 0.0000, 0.0000, 0.4000, 1.6519, 0.0000, -1.1947, 0.0000, 0.0000, -0.2343,
    0.1412, -0.7557, 0.2451, -1.0363, -2.9299, -4.4177, 0.0000, -0.3107, 0.0000, 7.7143, 1.7066, 0.5575,
    -1.2922, 3.1005, -4.8879, -1.2565, -1.2999, -0.7124, -5.1420, -4.8955, -3.8229, 3.8859, 1.9533, 0.0000,
    0.0000,
];
pub(crate) const MINILM_BIAS: f32 = -2.9124;
pub(crate) const MINILM_POINTS: OperatingPoints =
    OperatingPoints { suggest: 0.110, require_ack: 0.250, block: 0.905 };
