// Package engine hands images straight to a local engine, without a file and
// without a registry: to docker over its socket, to podman and containerd by their
// command lines, and into the nodes of a kind cluster.
//
// It promises, besides what every [publish.Publisher] does:
//   - An engine that isn't there, or not for this user, is known from Prepare, while
//     the compiler still runs.
//   - What the engine has is not sent: nothing where it has the image, and only the
//     layers that are new where it has others that stand on the same base. An engine
//     that turns out to lack what it seemed to have gets everything.
//   - Images pass through a pipe, never a temporary file of ours, and in an order in
//     which a stream that is cut short is no image to anybody.
//   - No process outlives the call that started it.
//
// Docker and podman take one platform. Of an index they get the image for
// [Options.Platform]; containerd and kind get all of it.
//
// Put brings an image without a name, which the engines' own garbage collection
// would remove in the end; Tag gives it its names; Close removes it if Tag did not
// come.
package engine
