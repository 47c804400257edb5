package build

import (
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/account"
	"github.com/imgo-build/imgo/internal/files"
	"github.com/imgo-build/imgo/internal/policy"
	"github.com/imgo-build/imgo/pkg/layer"
)

// Request is what the user asked for, complete and checked as far as it can be
// without looking at packages. A [Plan] is made of it.
type Request struct {
	Dir      string   // what paths of the command line are relative to, absolute
	Patterns []string // package patterns and names of images, as typed; empty for all images, or "." where none has a name
	Images   []Image  // those that the configuration names
	Default  Settings // of packages that no image is configured for
	Output   Output
	Naming   Naming // of the command line
	Lock     string // path of imgo.lock, which need not exist
	Jobs     int    // units, layers and uploads under way at once; at least 1
}

// Image is an image that the configuration names.
type Image struct {
	Name     string
	Package  string // pattern of one package, relative to Settings.Go.Dir
	Binaries []Extra
	Settings Settings
	Where    string // in the configuration, for messages
}

// Extra is a binary beside the image's own.
type Extra struct {
	Name    string
	Package string // pattern of one package
	Path    string // in the image; empty for /app/NAME
	Where   string // in the configuration, for messages
}

// Settings is all that one image is made with. Text of the user's that may hold a
// template is not expanded yet.
type Settings struct {
	Go           GoSettings
	Ldflags      []Text        // over those of Go
	Platforms    []v1.Platform // in the order asked for; empty with AllPlatforms
	AllPlatforms bool          // whatever the base offers
	Base         string        // see [BaseSource]
	Bases        []PlatformBase
	BaseTrust    *BaseTrust // who has to have signed the bases; nil for nobody
	Config       Config
	Files        []files.Group
	FilesRoot    files.Options // where files may come from
	Repository   string        // HOST/PATH, or empty
	Prefix       string        // see [Naming]; empty for none
	Tags         []Text        // of the image's own repository
	Attest       Attestations
	Policy       *policy.Policy // what the image is held to; nil for nothing
	AllowSecrets []string       // names of variables and files that may look like secrets
	UserAllows   []string       // those of AllowSecrets that the command line names
	CgoChosen    bool           // the user said which way cgo is to be
	// Origins says for each setting where its value came from: a flag, a variable, a
	// place in the configuration. What is missing is a default.
	Origins map[string]string
}

// PlatformBase is the base for one platform.
type PlatformBase struct {
	Platform v1.Platform
	Base     string
}

// Text is text of the user's, perhaps a template, with where it was written.
type Text struct {
	Value string
	Where string // a flag, or a place in the configuration
	// Untrusted says that it comes from a configuration file, which may be a stranger's.
	Untrusted bool
}

// Var is a key with a [Text].
type Var struct {
	Key string
	Text
}

// Config is what goes into the image's config and annotations apart from what
// imgo sets by itself (OCI image specification, config.md).
type Config struct {
	User        string        // UID[:GID]; unused with Account
	Account     *account.Spec // a user by name
	WorkingDir  string
	Env         []Var
	Ports       []string // PORT/PROTOCOL
	Volumes     []string
	Args        []string // after the binary in the entrypoint
	Cmd         []string
	StopSignal  string
	Healthcheck *Healthcheck // nil keeps the base's
	BinaryPath  string       // empty for /app/NAME
	Labels      []Var
	Annotations []Var
	Created     time.Time         // the zero time stands for the epoch
	Docker      bool              // Docker's media types instead of OCI's
	Compression layer.Compression // of the layers that are not the base's
}

// Healthcheck is how a container's health is found out (moby image specification
// 1.2, "Healthcheck"). Zero durations and retries leave it to the engine.
type Healthcheck struct {
	None          bool     // the base's is dropped and there is none
	Test          []string // as the config has it, "CMD" first; unused with URL
	URL           string   // asked by a probe that imgo puts into the image
	Interval      time.Duration
	Timeout       time.Duration
	StartPeriod   time.Duration
	StartInterval time.Duration
	Retries       int
}

// OutputKind is the kind of place where images go.
type OutputKind string

// The kinds of output.
const (
	ToTarball  OutputKind = "tarball"
	ToLayout   OutputKind = "layout"
	ToRegistry OutputKind = "registry"
	ToEngine   OutputKind = "engine"
)

// Output says where images go.
type Output struct {
	Kind OutputKind
	// Path is the tarball or the layout's directory, absolute. An empty path of a
	// tarball stands for NAME.tar in Dir.
	Path    string
	Dir     string // absolute
	Engine  string // docker, podman, containerd or kind
	Cluster string // of kind
}

// AllBases lists the bases of all platforms, each once.
func (s *Settings) AllBases() []string {
	out := []string{s.Base}
	for _, b := range s.Bases {
		if !slices.Contains(out, b.Base) {
			out = append(out, b.Base)
		}
	}
	return out
}

// BaseFor is the base for a platform.
func (s *Settings) BaseFor(p v1.Platform) string {
	for _, b := range s.Bases {
		if b.Platform.Equals(p) {
			return b.Base
		}
	}
	return s.Base
}
