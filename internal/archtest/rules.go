// Package archtest holds the import rules of the module as a table, and checks
// them. The rules are those of docs/architecture.md; whoever wants another
// dependency changes the table, where it is seen.
//
// The check reads the sources itself (go/parser, no go command, no type
// information), so that a cached test result can't hide a violation and a broken
// package can't stop it. It takes names for what the imports of the file say they
// are: a local variable called "os" beside an import of os would confuse it.
//
// It is not a linter: it knows only what would change the shape of the program.
package archtest

// Module is the path of the module that the rules are for.
const Module = "github.com/imgo-build/imgo"

// Policy is what packages may import and use. Folders are relative to the module's
// root, with slashes.
type Policy struct {
	// Levels are listed from the bottom. A package imports packages of lower levels
	// only, so packages of one level never import each other.
	Levels []Level
	// Apart are packages that don't become part of the program. Others import them
	// from tests only.
	Apart []Apart
	// Owned are packages from elsewhere that only some of ours may import.
	Owned []Owned
	// Forbidden is what no package uses, with few exceptions.
	Forbidden []Forbidden
	// ProgramFolder holds the main packages, to which Forbidden does not apply.
	ProgramFolder string
	// TestsBelow and TestsNever keep the tests of the lowest levels from pulling in
	// the whole program: those of the first so many levels never import the folders.
	TestsBelow int
	TestsNever []string
}

// Level is a row of packages that don't know each other.
type Level struct {
	Name    string
	Folders []string
}

// Apart is a package outside of the levels.
type Apart struct {
	Folder  string
	Imports []string // all that it may import of the module
}

// Owned restricts packages of other modules, with all below them.
type Owned struct {
	Imports []string
	Folders []string // who may import them
}

// Forbidden is a group of names of one package of the standard library.
type Forbidden struct {
	Import string
	Names  []string
	Except []string // folders
	Why    string
}

// Rules is the module's policy.
var Rules = Policy{
	Levels: []Level{
		{"words", []string{"internal/environ", "internal/flight", "internal/memory", "internal/pattern", "internal/spelling", "internal/stamp", "internal/wholefile", "pkg/event"}},
		{"vocabulary", []string{"internal/expand", "internal/goflag", "internal/probe", "internal/secrets", "internal/policy", "internal/attest/wire"}},
		{"leaves", []string{"internal/account", "internal/rootfs", "pkg/image", "pkg/layer"}},
		{"documents", []string{"internal/attest/packages", "internal/attest/licenses", "internal/attest/provenance", "internal/attest/sbom"}},
		{"files of the user's", []string{"internal/fastpath", "internal/files"}},
		{"transport", []string{"pkg/publish/transport"}},
		{"publish", []string{"pkg/publish"}},
		{"engines", []string{"pkg/publish/engine"}},
		{"build", []string{"pkg/build"}},
		{"configuration file", []string{"internal/configfile"}},
		{"sigstore's program", []string{"internal/attest/sigstore", "internal/attest/sign"}},
		{"stages", []string{
			"internal/attest",
			"internal/base",
			"internal/base/runtimelayer",
			"internal/baselock",
			"internal/cache",
			"internal/config",
			"internal/git",
			"internal/gobuild",
			"internal/keychain",
			"internal/license",
			"internal/progress",
			"internal/rebuild",
		}},
		{"facade", []string{"pkg/imgo"}},
		{"command line", []string{"internal/cli"}},
		{"program", []string{"cmd/imgo", "cmd/imgo-sigstore"}},
	},
	Apart: []Apart{
		{Folder: "internal/actiontest"},
		{Folder: "internal/archtest"},
		{Folder: "internal/base/runtimelayer/generate", Imports: []string{"pkg/layer", "pkg/layer/layertest"}},
		{Folder: "internal/bench"},
		{Folder: "internal/e2e"},
		{Folder: "internal/fastpathtest"},
		{Folder: "internal/probe/program"},
		{Folder: "internal/registrytest"},
		{Folder: "pkg/layer/layertest", Imports: []string{"pkg/layer"}},
	},
	Owned: []Owned{
		{
			Imports: []string{"github.com/spf13/cobra", "github.com/spf13/pflag"},
			Folders: []string{"internal/cli"},
		},
		{
			Imports: []string{
				"github.com/google/go-containerregistry/pkg/v1/remote",
				"github.com/google/go-containerregistry/pkg/crane",     // imports remote
				"github.com/google/go-containerregistry/pkg/gcrane",    // likewise
				"github.com/google/go-containerregistry/pkg/v1/google", // likewise
			},
			Folders: []string{"internal/base", "pkg/publish", "internal/attest/sign"},
		},
		{
			Imports: []string{"github.com/sigstore", "github.com/secure-systems-lab"},
			Folders: []string{"internal/attest/sign"},
		},
		{
			Imports: []string{"go.yaml.in/yaml", "gopkg.in/yaml.v2", "gopkg.in/yaml.v3", "sigs.k8s.io/yaml", "github.com/goccy/go-yaml"},
			Folders: []string{"internal/configfile"},
		},
		{
			Imports: []string{"github.com/google/go-containerregistry/pkg/registry", "net/http/httptest", "testing"},
			Folders: []string{"internal/registrytest", "pkg/layer/layertest"},
		},
	},
	Forbidden: []Forbidden{
		{
			Import: "os", Names: []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv"},
			Why: "the environment comes in as values",
		},
		{
			Import: "syscall", Names: []string{"Getenv", "Environ", "Setenv", "Exit"},
			Why: "the environment comes in as values, and only main exits",
		},
		{
			Import: "os", Names: []string{"Exit"},
			Why: "only main exits",
		},
		{
			Import: "time", Names: []string{"Now", "Since", "Until"},
			Except: []string{"internal/cache", "internal/progress"},
			Why:    "only the cache, and progress as it receives events, know what time it is",
		},
		{
			Import: "fmt", Names: []string{"Print", "Printf", "Println"},
			Why: "streams come in as values",
		},
		{
			Import: "net/http", Names: []string{"DefaultClient", "Get", "Head", "Post", "PostForm"},
			Why: "the transport comes in as a value",
		},
		{
			Import: "log",
			Names: []string{
				"Default", "Fatal", "Fatalf", "Fatalln", "Output", "Panic", "Panicf", "Panicln",
				"Print", "Printf", "Println", "SetFlags", "SetOutput", "SetPrefix", "Writer",
			},
			Why: "loggers come in as values",
		},
		{
			Import: "log/slog",
			Names: []string{
				"Debug", "DebugContext", "Default", "Error", "ErrorContext", "Info", "InfoContext", "Log",
				"LogAttrs", "SetDefault", "SetLogLoggerLevel", "Warn", "WarnContext", "With",
			},
			Why: "loggers come in as values",
		},
	},
	ProgramFolder: "cmd",
	TestsBelow:    3,
	TestsNever:    []string{"internal/cli"},
}
