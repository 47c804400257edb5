// Package base finds the images that others are built on: the embedded empty base,
// known names such as "alpine", images in registries, OCI layouts and tarballs.
//
// What it promises:
//
//   - A [Source] resolves a reference once. All platforms of a run come from the
//     same index, and what was resolved is known by digest.
//   - What is asked for by digest, and was seen before, needs no request at all.
//     Manifests and configs are kept in the cache under their digests.
//   - Layers are read for [Source.Rootfs] alone, once for each digest. Those of
//     registries know their repository ([image.Sourced]), so that a push can mount
//     them; where one has to be read, it passes through the cache.
//   - A mirror is asked first where there is one, and the registry itself where the
//     mirror does not have something or does not answer. The name that is recorded
//     stays the original's. A mirror is believed about tags, about digests nobody is;
//     its refusals (credentials, certificates) are errors, and nothing goes around it.
//   - Every byte is checked against its digest before it is used or kept.
//   - An image that is not what it says (no image at all, another platform, a
//     config that contradicts its manifest) is an error here, not at run time.
//
// It is not for pushing, and it knows nothing of what is built on a base.
package base
