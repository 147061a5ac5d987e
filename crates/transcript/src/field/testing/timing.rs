use super::*;
use crate::encoding::Encoding;
use crate::field::list::G1List;
use crate::field::windows::Digits;
use std::time::Instant;

fn best<T>(n: usize, mut f: impl FnMut() -> T) -> f64 {
    (0..n)
        .map(|_| {
            let t = Instant::now();
            std::hint::black_box(f());
            t.elapsed().as_secs_f64() * 1e6
        })
        .fold(f64::MAX, f64::min)
}

#[test]
fn timing() {
    if std::env::var_os("TIMING").is_none() {
        return;
    }
    let mut rng = rng(1);
    let n = std::env::var("N")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(32768);
    let some: Vec<G1Affine> = (0..64).map(|_| in_subgroup(&mut rng)).collect();
    let mut sum = G1Projective::identity();
    let points: Vec<G1Projective> = (0..n)
        .map(|i| {
            sum += some[(i * i + i / 7) % 64];
            sum
        })
        .collect();
    let points: Vec<G1Affine> = crate::field::normalize(&points);
    let mut bytes = Vec::new();
    for p in &points {
        bytes.extend_from_slice(&p.to_compressed());
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let digits = Digits::draw(n, &mut rng);
    pool.install(|| {
    let a = random_fp(&mut rng);
    let mul = best(50, || { let mut x = a; for _ in 0..1000 { x = library::mul(&x, &a); } x }) ;
    eprintln!("blst mul {:.1} ns", mul);
    let sub = best(10, || points[..20].iter().all(|p| bool::from(p.is_torsion_free()))) / 20.0;
    eprintln!("blst subgroup {sub:.2} us");
    for path in paths() {
        let list = G1List::from_affine(&points, path);
        let conv = best(5, || G1List::from_affine(&points, path).len());
        let dec = best(3, || G1List::decode_here(&bytes[..48 * 1024.min(n)], Encoding::Compressed, path).unwrap().len());
        let t = best(7, || list.window_sums(&digits));
        let s = list.window_sums(&digits);
        let i = best(1, || s.in_subgroup());
        let part = G1List::from_affine(&points[..256], path);
        let scalars: Vec<Scalar> = (0..256).map(|_| Scalar::random(&mut rng)).collect();
        let coefficients = crate::field::scalars::Coefficient::draw(256, &mut rng);
        let m = best(5, || part.multiply_each(&scalars)) / 256.0;
        let c = best(5, || part.multiply_each_public(&coefficients)) / 256.0;
        let b = best(3, || points[..20].iter().zip(&scalars).map(|(p, s)| p * s).sum::<G1Projective>()) / 20.0;
        eprintln!("multiply {m:.2} us, public {c:.2} us, blst {b:.2} us");
        eprintln!("{path:?}: from {:.3} us/pt, decode {:.3} us/pt, windows {:.3} us/pt = {:.1} blst mul, in_subgroup {:.0} us", conv / n as f64, dec / 1024.min(n) as f64, t / n as f64, t / n as f64 / mul * 1e3, i);
    }
    });
}
