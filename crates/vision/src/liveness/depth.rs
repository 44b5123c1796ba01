//! Depth: tests whether points moved between two frames like those of a head, or like those of a flat object.
//!
//! Two pictures of a flat object differ by a homography at any position. Two pictures of a head differ by a homography
//! and, in addition, by a parallax along each point's depth. Both are fitted at once: the homography takes everything
//! that a plane explains, and depth explains the rest. The depths come from the landmark network, which invents them
//! for a flat picture too. It cannot invent the movement, which is measured between two pictures.

use super::solve::LeastSquares;

/// The movement of points along their depth, in parts of the face's size.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parallax {
    /// Positive: near points moved to the left of the picture, as when a head turns to its own right.
    pub across: f64,
    /// Positive: near points moved up, as when the chin is lifted.
    pub up: f64,
    /// Positive: near points grew more than far ones, as when a head comes closer.
    pub closer: f64,
}

/// The parallax from one frame's landmarks to another's; `None` if the points do not determine it.
pub(super) fn measure_parallax(before: &[[f32; 3]], after: &[[f32; 3]]) -> Option<Parallax> {
    let (from, to) = (PointCloud::from_points(before)?, PointCloud::from_points(after)?);
    let mut fit = LeastSquares::<11>::new();
    for (a, b) in before.iter().zip(after) {
        let ([x, y, z], [u, v, _]) = (from.normalise_point(a), to.normalise_point(b));
        fit.add_row(&[x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, z, 0.0, -u * z], u);
        fit.add_row(&[0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, 0.0, z, -v * z], v);
    }
    let [.., across, up, closer] = fit.solve()?;
    Some(Parallax { across, up, closer })
}

/// A homography: the view of one plane from another position. The last of its nine numbers is 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Homography(pub(super) [f64; 8]);

impl Homography {
    /// The homography that maps `from` closest to `to`; `None` if the points do not determine it.
    pub(super) fn fit_homography(from: &[[f64; 2]], to: &[[f64; 2]]) -> Option<Self> {
        let mut fit = LeastSquares::<8>::new();
        for ([x, y], [u, v]) in from.iter().zip(to) {
            fit.add_row(&[*x, *y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y], *u);
            fit.add_row(&[0.0, 0.0, 0.0, *x, *y, 1.0, -v * x, -v * y], *v);
        }
        fit.solve().map(Self)
    }

    pub(super) fn project_point(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [a, b, c, d, e, f, g, h] = self.0;
        let depth = g * x + h * y + 1.0;
        [(a * x + b * y + c) / depth, (d * x + e * y + f) / depth]
    }
}

/// The mean and spread of points, which make sets of points comparable at any position and size.
struct PointCloud {
    middle: [f64; 3],
    spread: f64,
}

impl PointCloud {
    fn from_points(points: &[[f32; 3]]) -> Option<Self> {
        let count = points.len() as f64;
        let middle = std::array::from_fn(|axis| points.iter().map(|point| f64::from(point[axis])).sum::<f64>() / count);
        let shape = Self { middle, spread: 1.0 };
        let squares = points.iter().map(|point| shape.normalise_point(point)).map(|[x, y, _]| x * x + y * y);
        let spread = (squares.sum::<f64>() / count).sqrt();
        spread.is_normal().then_some(Self { middle, spread })
    }

    fn normalise_point(&self, point: &[f32; 3]) -> [f64; 3] {
        std::array::from_fn(|axis| (f64::from(point[axis]) - self.middle[axis]) / self.spread)
    }
}

/// The change of a face's ratio of width to height, divided by the change that its turn explains (the cosine of the
/// yaw). It is 1 for a head. A print is well below 1: it must be slanted far more than a head before it looks turned at
/// all.
pub(super) fn measure_foreshortening(before: &[[f32; 3]], after: &[[f32; 3]], yaw: f32) -> Option<f64> {
    let narrower = measure_width_to_height(after)? / measure_width_to_height(before)?;
    let explained = f64::from(yaw.to_radians().cos());
    Some(narrower / explained)
}

/// The distance between the outer eye corners, divided by the distance from between the eyes to the middle of the lips.
fn measure_width_to_height(points: &[[f32; 3]]) -> Option<f64> {
    let [right, left, mouth_right, mouth_left] = [33, 263, 61, 291].map(|at| points.get(at));
    let (right, left, mouth_right, mouth_left) = (right?, left?, mouth_right?, mouth_left?);
    let apart = |ax: f32, ay: f32, bx: f32, by: f32| f64::from((ax - bx).hypot(ay - by));
    let width = apart(left[0], left[1], right[0], right[1]);
    let middle = |a: &[f32; 3], b: &[f32; 3]| [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
    let (eyes, mouth) = (middle(right, left), middle(mouth_right, mouth_left));
    let height = apart(eyes[0], eyes[1], mouth[0], mouth[1]);
    (height > 0.0 && width > 0.0).then(|| width / height)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dome of points, seen from a distance (in parts of its radius) and turned about its upright axis.
    fn dome(distance: f32, yaw: f32, flat: bool) -> Vec<[f32; 3]> {
        let (sine, cosine) = yaw.to_radians().sin_cos();
        let mut points = Vec::new();
        for row in -5_i8..=5 {
            for column in -5_i8..=5 {
                let (x, y) = (f32::from(column) / 8.0, f32::from(row) / 8.0);
                let depth = -(1.0 - x * x - y * y).max(0.0).sqrt();
                let z = if flat { 0.0 } else { depth };
                let (u, w) = (x * cosine - z * sine, z * cosine + x * sine + distance);
                points.push([100.0 * u / w, 100.0 * y / w, depth * 100.0 / distance]);
            }
        }
        points
    }

    #[test]
    fn turned_dome_has_parallax_and_turned_plane_has_none() {
        let before = dome(6.0, 0.0, false);
        let turned = measure_parallax(&before, &dome(6.0, 20.0, false)).unwrap();
        assert!(turned.across < -0.2, "{turned:?}");
        let other = measure_parallax(&before, &dome(6.0, -20.0, false)).unwrap();
        assert!(other.across > 0.2, "{other:?}");
        for slant in [-60.0, -20.0, 40.0, 60.0] {
            let flat = measure_parallax(&dome(6.0, 0.0, true), &dome(6.0, slant, true)).unwrap();
            assert!(flat.across.abs() < 1e-3 && flat.closer.abs() < 1e-3, "{slant}: {flat:?}");
        }
    }

    #[test]
    fn approaching_dome_has_parallax_and_approaching_plane_has_none() {
        let closer = measure_parallax(&dome(8.0, 0.0, false), &dome(5.0, 0.0, false)).unwrap();
        assert!(closer.closer > 0.02, "{closer:?}");
        let flat = measure_parallax(&dome(8.0, 0.0, true), &dome(5.0, 10.0, true)).unwrap();
        assert!(flat.closer.abs() < 1e-3, "{flat:?}");
    }

    #[test]
    fn degenerate_points_have_no_parallax() {
        assert_eq!(measure_parallax(&[], &[]), None);
        assert_eq!(measure_parallax(&[[1.0; 3]; 468], &[[1.0; 3]; 468]), None);
        assert_eq!(measure_foreshortening(&[[1.0; 3]; 468], &[[1.0; 3]; 468], 0.0), None);
    }
}
