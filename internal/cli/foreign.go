package cli

// foreignFlags are flags of docker and ko that people bring along, and what imgo has
// in their place. One letter stands for a shorthand.
var foreignFlags = map[string]string{
	"push":                  "imgo push builds and pushes",
	"local":                 loadIt,
	"L":                     loadIt,
	"bare":                  nameIt,
	"B":                     nameIt,
	"base-import-paths":     nameIt,
	"P":                     nameIt,
	"preserve-import-paths": nameIt,
	"tag-only":              nameIt,
	"tarball":               "imgo build writes NAME.tar; -o FILE.tar chooses another",
	"oci-layout-path":       "an OCI layout is written with -o oci:DIR",
	"build-arg":             "there is no Dockerfile: set variables with --ldflags '-X main.name=value', and the go command's environment with --build-env KEY=VALUE",
	"f":                     noDockerfile,
	"target":                noDockerfile,
	"attest":                "an image's papers have flags of their own: --sbom, --provenance and --sign",
	"tlog-upload":           "keep signatures out of the log with --no-tlog",
	"timestamp-server-url":  "name an authority of time stamps with --tsa-url URL",
	"no-cache":              "leave it out: what imgo reuses is the same as made anew; imgo cache prune --all empties the cache",
	"image-label":           "use --label KEY=VALUE",
	"image-annotation":      "use --annotation KEY=VALUE",
	"image-user":            "use --user UID[:GID]",
	"insecure-registry":     "a registry without TLS is allowed with --plain-http HOST[:PORT]",
}

const (
	loadIt       = "hand the image to a local engine with --load docker, --load podman, --load containerd or --load kind"
	nameIt       = "name the image with -t REPO[:TAG], or put each at PREFIX/NAME with --repo PREFIX"
	noDockerfile = "there is no Dockerfile: name the package, such as ./cmd/server"
)
