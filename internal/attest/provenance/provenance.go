// Package provenance writes down how an image came about, and reads it again: an
// in-toto Statement v1 with SLSA's provenance predicate v1
// (https://slsa.dev/spec/v1.1/provenance). What each field means for images of imgo is
// said in docs/provenance.md, to which [BuildType] points.
//
// What it promises:
//
//   - [Statement] is a pure function: equal inputs, equal bytes. Times are told only
//     where they are given.
//   - What it tells is enough to repeat the build, if the source and the modules can
//     still be had; what had to be left out for that is named ([Omission]).
//   - No secrets. Variables are told by a list of allowed names ([AllowedEnv]), URLs
//     lose what is before the "@", and values that look like secrets are left out.
//     What gets past all this and still looks like one is an error ([*SecretError]).
//   - [Parse] takes a stranger's bytes: it is strict about types, and either says what
//     is wrong where ([*FormatError]) or returns what [Statement] was told.
//
// It signs nothing and asks nobody: a statement is what its signer says, and a builder
// named by the environment ([FromGitHub]) is proven only by the certificate.
package provenance

import "time"

// The types of a statement.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://slsa.dev/provenance/v1"
	// BuildType says how to read the parameters. Its version is raised when they change
	// in a way that older readers would misunderstand.
	BuildType = "https://github.com/imgo-build/imgo/blob/main/docs/provenance.md#v1"
	// LocalBuilder is the builder that nobody vouches for: somebody's machine.
	LocalBuilder = "https://github.com/imgo-build/imgo/blob/main/docs/provenance.md#local"
)

// Input is how an image came about.
type Input struct {
	Subjects  []Subject // at least one
	Source    *Source   // nil where it is unknown
	Package   string    // import path of the main package
	Name      string    // of the image's own binary
	Platforms []string  // in the order asked for
	Go        GoSettings
	Bases     []Base     // none for the empty base
	Files     []Material // layers of the user's files, by their places in the image
	Modules   []Module   // that the binaries are made of, without the main module
	// Config is the image's settings in the words of .imgo.yaml: what stands there below
	// the image's name. Its paths begin at Source.ConfigPath; of env, labels and
	// annotations it has only the keys, in a list.
	Config  map[string]any
	Imgo    Imgo
	Builder Builder
	// Untold is what had an influence and can't be told here. [Statement] names it, beside
	// what it leaves out itself; Parsed.Omitted has both.
	Untold []Omission
	// Started and Finished are told to the second; the zero time is left out.
	Started, Finished time.Time
}

// Subject is what the statement is about: an image or an index.
type Subject struct {
	Name   string
	Digest map[string]string // by algorithm, in hexadecimal
}

// Source is where the main module was.
type Source struct {
	Repository string // URL; empty where nobody else could reach it
	Commit     string // 40 or 64 hexadecimal digits
	Ref        string // refs/heads/main, refs/tags/v1; empty where it is unknown
	Dirty      bool   // there were changes that are not in the commit
	Path       string // of the main module in the repository, with slashes; empty for its root
	// ConfigPath is where the paths in Config and those of bases begin, in the repository
	// and with slashes; empty for its root. The configuration file was there, or imgo ran
	// there.
	ConfigPath string
}

// GoSettings is what the go command was told beside imgo's own defaults, wherever the
// user said it: in the settings, in his environment (GOFLAGS) or with "go env -w".
type GoSettings struct {
	Tags     []string
	Ldflags  []string // each a value of -ldflags, in order of rising precedence
	Gcflags  []string
	Trimpath bool
	VCS      bool              // the binary is stamped with the state of the repository
	Env      map[string]string // see [AllowedEnv]
	// Toolchain is the version of Go: "go1.26.1".
	Toolchain string
}

// Base is the base image, of one platform or of all.
type Base struct {
	Platform string // empty for all
	// Ref is the base as it was asked for. One that is a path ("oci:DIR", "FILE.tar") is
	// relative to Source.ConfigPath, with slashes, and its Material has a digest only.
	Ref      string
	Material Material // of an index where there is one, else of the manifest
}

// Material is something that went into the image: an in-toto ResourceDescriptor. It
// has a URI or a digest at least.
type Material struct {
	Name   string
	URI    string            // see [ImageURI]
	Digest map[string]string // by algorithm, in hexadecimal
}

// Module is a module of Go.
type Module struct {
	Path       string
	Version    string
	Sum        string  // as go.sum has it, "h1:…"; of ReplacedBy where there is one
	ReplacedBy *Module // its Version is empty, and its Path is a directory's, for a replacement without a version
}

// Imgo is what built the image.
type Imgo struct {
	Version         string
	AssemblyVersion string // of the layout of images, see docs/architecture.md
}

// Builder is where imgo ran.
type Builder struct {
	ID         string            // URI; empty for [LocalBuilder]
	Invocation string            // URI of the run; empty where there is none
	GitHub     map[string]string // what GitHub Actions says of the run, see [FromGitHub]
}

// Omission is what a statement leaves out, although it had an influence on the image.
type Omission struct {
	What string // where it would have been, below externalParameters: "go.ldflags", "config.env.API_KEY"
	Why  string // "GitHub token", "a path of the machine"
}
