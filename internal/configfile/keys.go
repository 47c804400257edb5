package configfile

import "sync"

// place is where a key of Settings may stand.
type place uint8

const (
	inDefaults place = 1 << iota
	inImage
	everywhere = inDefaults | inImage
)

// layered is what can be put on top of an earlier setting.
type layered[T any] interface{ over(under T) T }

// setting makes a key of Settings.
func setting[T layered[T]](at place, name, doc, example string, k kind[T], in func(*Settings) *T) field[Settings] {
	f := key(name, doc, example, k, in)
	f.place = at
	f.layer = func(over, under *Settings) { *in(over) = (*in(over)).over(*in(under)) }
	return f
}

// settingKeys are the keys of `defaults` and of an image, in the order of the reference.
var settingKeys = sync.OnceValue(func() []field[Settings] {
	var all []field[Settings]
	for _, group := range [][]field[Settings]{nameKeys(), imageKeys(), contentKeys(), buildKeys(), verifyBaseKeys(), attestKeys(), policyKeys()} {
		all = append(all, group...)
	}
	return all
})

func nameKeys() []field[Settings] {
	return []field[Settings]{
		required(setting(inImage, "package", "The main package that the image is for: an import path, or a folder relative to that of the file.",
			`package: ./cmd/server`, mainPackage.kind(), func(s *Settings) *Value[string] { return &s.Package })),
		setting(inImage, "repository", "Where the image is pushed to, without a tag.",
			`repository: ghcr.io/acme/server`, repository.kind(), func(s *Settings) *Value[string] { return &s.Repository }),
		setting(inDefaults, "repo", "A prefix: each image that has no `repository` of its own is pushed to PREFIX/NAME.",
			`repo: ghcr.io/acme`, repositoryPrefix.kind(), func(s *Settings) *Value[string] { return &s.Repo }),
		setting(everywhere, "tags", "The image's tags. They may be templates.",
			`tags: [latest, "{{.Git.ShortCommit}}"]`,
			listing{want: "a list of tags", item: tagName, least: 1, unique: true}.kind(), func(s *Settings) *List { return &s.Tags }),
		setting(everywhere, "base", "What the image is built on: `scratch` (certificates, time zones and no more), `distroless`, `alpine`, any reference, `oci:DIR` or `FILE.tar`; or a mapping of platforms to these, with `default` for the others.",
			`base: {default: distroless, linux/riscv64: alpine}`, baseKind(), func(s *Settings) *BaseChoice { return &s.BaseChoice }),
		setting(everywhere, "platforms", "The platforms to build for, or `all` for all those of the base.",
			`platforms: [linux/amd64, linux/arm64]`, platformList.kind(), func(s *Settings) *List { return &s.Platforms }),
	}
}

func imageKeys() []field[Settings] {
	text := listing{want: "a list of strings", item: anyText, hint: commandLine}
	return []field[Settings]{
		setting(everywhere, "user", "Who the program runs as: `UID`, `UID:GID`, a name, or a mapping that says more about a user to create.",
			`user: {name: app, uid: 1000, gid: 1000, home: /home/app}`, userKind(), func(s *Settings) *Value[User] { return &s.User }),
		setting(everywhere, "workdir", "The directory that the program starts in, an absolute path.",
			`workdir: /srv`, folder("/srv").kind(), func(s *Settings) *Value[string] { return &s.Workdir }),
		setting(everywhere, "env", "The program's environment. Values may be templates. Not for secrets: everybody who has the image can read them.",
			`env: {LOG_LEVEL: info}`, entries[Pairs]("a mapping of variables to their values", "write NAME: VALUE, each on its own line", variable, anyText.kind(), pair),
			func(s *Settings) *Pairs { return &s.Env }),
		setting(everywhere, "labels", "Labels of the image's configuration. Values may be templates.",
			`labels: {team: payments}`, entries[Pairs]("a mapping of labels to their values", "write KEY: VALUE, each on its own line", labelKey, anyText.kind(), pair),
			func(s *Settings) *Pairs { return &s.Labels }),
		setting(everywhere, "annotations", "Annotations of the image's manifest. Values may be templates.",
			`annotations: {org.opencontainers.image.vendor: ACME}`, entries[Pairs]("a mapping of annotations to their values", "write KEY: VALUE, each on its own line", labelKey, anyText.kind(), pair),
			func(s *Settings) *Pairs { return &s.Annotations }),
		setting(everywhere, "ports", "Ports that the program listens on, alone or as a range, with `/tcp` (which is meant where nothing is said), `/udp` or `/sctp`.",
			`ports: [8080, 53/udp, 9000-9010]`, portList.kind(), func(s *Settings) *List { return &s.Ports }),
		setting(everywhere, "volumes", "Directories whose content outlives the container, absolute paths. Those that the base lacks are made, and belong to the image's user.",
			`volumes: [/var/lib/server]`, listing{want: "a list of absolute paths", item: volumePath("/var/lib/server"), unique: true}.kind(),
			func(s *Settings) *List { return &s.Volumes }),
		setting(everywhere, "args", "Arguments that the program always gets: they belong to the entrypoint.",
			`args: [--config, /etc/server/config.yaml]`, text.kind(), func(s *Settings) *List { return &s.Args }),
		setting(everywhere, "cmd", "Arguments that the program gets unless others are given where the container is run.",
			`cmd: [serve, --port, "8080"]`, text.kind(), func(s *Settings) *List { return &s.Cmd }),
		setting(everywhere, "stopSignal", "The signal that asks the program to end, by name or number.",
			`stopSignal: SIGINT`, stopSignal.kind(), func(s *Settings) *Value[string] { return &s.StopSignal }),
		setting(everywhere, "healthcheck", "How an engine finds out whether the program is well: a URL, `none` to switch off that of the base, or a mapping. Docker's media types are used then, since the check has no place in OCI's.",
			`healthcheck: http://:8080/healthz`, healthcheckKind(), func(s *Settings) *Value[Healthcheck] { return &s.Healthcheck }),
	}
}

func contentKeys() []field[Settings] {
	return []field[Settings]{
		setting(everywhere, "binaryPath", "Where the program is in the image. Without it that is `/app/NAME`.",
			`binaryPath: /usr/local/bin/server`, absolute("/usr/local/bin/server").kind(), func(s *Settings) *Value[string] { return &s.BinaryPath }),
		setting(everywhere, "binaries", "More programs in the same image: a mapping of names to packages.",
			`binaries: {migrate: ./cmd/migrate}`, entries[Binaries]("a mapping of names to packages", "write NAME: PACKAGE, each on its own line", binaryName, binaryKind(),
				func(name string, at Pos, b Binary) Binary { b.Name, b.Pos = name, at; return b }),
			func(s *Settings) *Binaries { return &s.Binaries }),
		setting(everywhere, "files", "Files and folders to put into the image.",
			`files: [{from: web/dist, to: /srv/www, mode: "0644", owner: "0:0"}]`, filesKind(), func(s *Settings) *Files { return &s.Files }),
		setting(everywhere, "allowSecrets", "Names of variables, and paths of files, that are put into the image although they look like secrets.",
			`allowSecrets: [TEST_API_KEY, testdata/key.pem]`, listing{want: "a list of strings", item: plainString, unique: true}.kind(),
			func(s *Settings) *List { return &s.AllowSecrets }),
	}
}

func buildKeys() []field[Settings] {
	flag := scalar{want: "a string", example: `"-s"`, quoteless: true, refuse: []refusal{noNUL}}
	flags := listing{want: "a string or a list of strings", item: flag, one: &flag}
	return []field[Settings]{
		setting(everywhere, "ldflags", "Flags for the linker. They may be templates.",
			`ldflags: ["-X main.version={{.Version}}"]`, flags.kind(), func(s *Settings) *List { return &s.Ldflags }),
		setting(everywhere, "gcflags", "Flags for the compiler.",
			`gcflags: ["all=-N -l"]`, flags.kind(), func(s *Settings) *List { return &s.Gcflags }),
		setting(everywhere, "buildTags", "Build tags: a list, or one text with commas.",
			`buildTags: [netgo, osusergo]`, buildTagList.kind(), func(s *Settings) *List { return &s.BuildTags }),
		setting(everywhere, "buildEnv", "Environment of the go command. Only variables that can't run programs are taken from a file.",
			`buildEnv: {GOAMD64: v3}`, entries[Pairs]("a mapping of variables to their values", "write NAME: VALUE, each on its own line", buildVariable, anyText.kind(), pair),
			func(s *Settings) *Pairs { return &s.BuildEnv }),
		setting(everywhere, "vcs", "Whether the commit is put into the binary, the labels and the annotations. The image then changes with every commit.",
			`vcs: true`, truth(), func(s *Settings) *Value[bool] { return &s.VCS }),
		setting(everywhere, "mediaTypes", "Which kind of manifest is written: `oci` or `docker`.",
			`mediaTypes: oci`, scalar{want: "a kind of manifest", words: []string{"oci", "docker"}}.kind(), func(s *Settings) *Value[string] { return &s.MediaTypes }),
		setting(everywhere, "compression", "How the layers on top of the base are compressed: `gzip`, which everything reads, or `zstd`, which is smaller and quicker to unpack, but needs docker 23 or later (podman and containerd read it). Docker's media types have only gzip.",
			`compression: gzip`, scalar{want: "a way to compress", words: []string{"gzip", "zstd"}}.kind(), func(s *Settings) *Value[string] { return &s.Compression }),
	}
}

var binaryName = scalar{
	want: "a file's name", form: "use letters, digits, '-', '_' and '.'", example: "migrate", pattern: `^[A-Za-z0-9_][A-Za-z0-9._-]*$`,
}

var (
	buildTag = scalar{
		want: "a build tag", form: "use letters, digits, '_' and '.'", example: "netgo",
		refuse:  []refusal{{`[, ]`, "one element is one tag", "write them as elements of their own: [netgo, osusergo]"}},
		pattern: `^[A-Za-z0-9_.]+$`,
	}
	buildTags = scalar{
		want: "build tags with commas between them", example: "netgo,osusergo",
		pattern: `^[A-Za-z0-9_.]+(,[A-Za-z0-9_.]+)*$`,
		suggest: func(s string) string { return joinFields(s) },
	}
	buildTagList = listing{want: "a list of build tags", item: buildTag, one: &buildTags, expand: splitComma, unique: true}
)
