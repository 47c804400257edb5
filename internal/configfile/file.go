package configfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Settings is all that can be said about images. Keys' descriptions are in [Keys].
// Strings that may hold templates ("{{…}}") are as written.
type Settings struct {
	Package    Value[string] // one main package
	Repository Value[string] // HOST/PATH, of an image
	Repo       Value[string] // prefix for all images: defaults only
	Tags       List
	BaseChoice      // fields Base and Bases
	Platforms  List // canonical, or "all" alone
	User       Value[User]
	Workdir    Value[string]
	Env        Pairs
	Labels     Pairs
	// Annotations go to the manifest and the index.
	Annotations Pairs
	Ports       List // canonical, such as "8080/tcp"; ranges are expanded
	Volumes     List
	Args        List // of the entrypoint
	Cmd         List
	StopSignal  Value[string] // canonical, such as "SIGTERM"
	Healthcheck Value[Healthcheck]
	BinaryPath  Value[string]
	Binaries    Binaries
	Files       Files
	Ldflags     List // one string is one element
	Gcflags     List
	BuildTags   List
	BuildEnv    Pairs // of the go command
	VCS         Value[bool]
	MediaTypes  Value[string] // "oci" or "docker"
	Compression Value[string] // "gzip" or "zstd"
	SBOM        List          // "spdx" and "cyclonedx", or [NoSBOM] alone
	Provenance  Value[bool]
	Sign        Value[Sign]
	// VerifyBase says who has to have signed the bases.
	VerifyBase Value[VerifyBase]
	// Policy is what the image is held to.
	Policy Policy
	// AllowSecrets names variables and files that may look like secrets.
	AllowSecrets List
}

// Over returns s on top of under. Single values, lists, users and healthchecks replace
// what is below them as a whole; env, labels, annotations, buildEnv, binaries, the rules
// of a policy and the bases by platform are merged by key.
func (s Settings) Over(under Settings) Settings {
	for _, k := range settingKeys() {
		k.layer(&s, &under)
	}
	return s
}

// Image is one entry of `images`.
type Image struct {
	Name string
	Pos  Pos // of the name
	Settings
}

// Profile is one entry of `profiles`: what changes when it is chosen.
type Profile struct {
	Name     string
	Pos      Pos // of the name
	Defaults Settings
	Images   []Image // a name of File.Images changes that one; others are new images
}

// File is a configuration file.
type File struct {
	Path     string // as shown in messages
	Dir      string // where its relative paths begin, absolute
	Defaults Settings
	Images   []Image // in the order of the file
	Profiles []Profile
}

// longest is the size of a file that is read, in bytes.
const longest = 1 << 20

// Read reads the file at path. Messages call it shown. The error is an [*Errors]; where
// the file can't be read at all, the one error in it wraps that of the operating system.
func Read(path, shown string) (*File, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, unreadable(shown, err)
	}
	// Opening a named pipe would wait for somebody to write.
	switch info, err := os.Stat(abs); {
	case err != nil:
		return nil, unreadable(shown, err)
	case info.IsDir():
		return nil, &Errors{List: []*Error{{Pos: Pos{File: shown}, Reason: "it is a folder, not a file"}}}
	case !info.Mode().IsRegular():
		return nil, &Errors{List: []*Error{{Pos: Pos{File: shown}, Reason: "it is not a regular file"}}}
	}
	f, err := os.Open(abs)
	if err != nil {
		return nil, unreadable(shown, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, longest+1))
	if err != nil {
		return nil, unreadable(shown, err)
	}
	return Parse(data, shown, filepath.Dir(abs))
}

func unreadable(shown string, err error) error {
	reason := err.Error()
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		reason = pe.Err.Error() // the path as shown is in front of it
	}
	return &Errors{List: []*Error{{Pos: Pos{File: shown}, Reason: reason, Err: err}}}
}

// Parse reads the text of a configuration file. Messages call it shown; its relative
// paths begin in dir. The error is an [*Errors].
func Parse(data []byte, shown, dir string) (*File, error) {
	if len(data) > longest {
		return nil, &Errors{List: []*Error{{
			Pos:    Pos{File: shown, Line: 1, Column: 1},
			Reason: fmt.Sprintf("the file is larger than %d KiB", longest>>10),
		}}}
	}
	root, errs := load(data, shown)
	file := &File{}
	if root != nil {
		d := &decoder{errs: errs, places: keyPlaces()}
		if root.kind != null {
			*file, _ = documentObject().decode(d, root, "")
		}
		file.checkProfiles(d)
		errs = d.errs
	}
	if len(errs) > 0 {
		return nil, joined(errs)
	}
	file.Path, file.Dir = shown, dir
	return file, nil
}
