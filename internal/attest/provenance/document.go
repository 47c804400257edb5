package provenance

// The JSON of a statement, with the names of in-toto's and SLSA's specifications.
type document struct {
	Type          string       `json:"_type"`
	Subject       []descriptor `json:"subject"`
	PredicateType string       `json:"predicateType"`
	Predicate     predicate    `json:"predicate"`
}

type predicate struct {
	BuildDefinition buildDefinition `json:"buildDefinition"`
	RunDetails      runDetails      `json:"runDetails"`
}

type buildDefinition struct {
	BuildType            string       `json:"buildType"`
	ExternalParameters   external     `json:"externalParameters"`
	InternalParameters   internal     `json:"internalParameters"`
	ResolvedDependencies []descriptor `json:"resolvedDependencies"`
}

// external is what the user had a say in.
type external struct {
	Source    *sourceParameters `json:"source,omitempty"`
	Package   string            `json:"package"`
	Name      string            `json:"name"`
	Platforms []string          `json:"platforms"`
	Go        goParameters      `json:"go"`
	Bases     []baseParameters  `json:"bases,omitempty"`
	Config    map[string]any    `json:"config,omitempty"`
	Omitted   []omission        `json:"omitted,omitempty"`
}

type sourceParameters struct {
	Repository string `json:"repository,omitempty"`
	Ref        string `json:"ref,omitempty"`
	Path       string `json:"path,omitempty"`
	ConfigPath string `json:"configPath,omitempty"`
}

type goParameters struct {
	Tags     []string          `json:"tags,omitempty"`
	Ldflags  []string          `json:"ldflags,omitempty"`
	Gcflags  []string          `json:"gcflags,omitempty"`
	Trimpath bool              `json:"trimpath"`
	VCS      bool              `json:"vcs"`
	Env      map[string]string `json:"env,omitempty"`
}

type baseParameters struct {
	Platform string `json:"platform,omitempty"`
	Ref      string `json:"ref,omitempty"` // left out for a path of the machine
}

type omission struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// internal is what the builder decided.
type internal struct {
	Toolchain string            `json:"toolchain"`
	Imgo      imgoParameters    `json:"imgo"`
	GitHub    map[string]string `json:"github,omitempty"`
}

type imgoParameters struct {
	Version         string `json:"version"`
	AssemblyVersion string `json:"assemblyVersion"`
}

// descriptor is in-toto's ResourceDescriptor.
type descriptor struct {
	Name        string            `json:"name,omitempty"`
	URI         string            `json:"uri,omitempty"`
	Digest      map[string]string `json:"digest,omitempty"`
	Annotations *annotations      `json:"annotations,omitempty"`
}

// annotations say what a dependency is for, and more of a module than a URI can.
type annotations struct {
	Kind       string       `json:"kind"`
	Modified   bool         `json:"modified,omitempty"`   // of a source: there were changes that are not in the commit
	Platform   string       `json:"platform,omitempty"`   // of a base
	Version    string       `json:"version,omitempty"`    // of a module
	H1         string       `json:"h1,omitempty"`         // of a module: the sum as go.sum has it, which is no hash of any file
	ReplacedBy *replacement `json:"replacedBy,omitempty"` // of a module
}

type replacement struct {
	Path    string `json:"path,omitempty"`
	Version string `json:"version,omitempty"`
}

// Kinds of dependencies.
const (
	kindSource = "source"
	kindBase   = "base"
	kindFile   = "file"
	kindModule = "module"
)

type runDetails struct {
	Builder  builderDetails `json:"builder"`
	Metadata *metadata      `json:"metadata,omitempty"`
}

type builderDetails struct {
	ID string `json:"id"`
}

type metadata struct {
	InvocationID string `json:"invocationId,omitempty"`
	StartedOn    string `json:"startedOn,omitempty"`
	FinishedOn   string `json:"finishedOn,omitempty"`
}
