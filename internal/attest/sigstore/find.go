package sigstore

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Program is the name of the program, without the .exe of Windows.
const Program = "imgo-sigstore"

// MissingError says that imgo-sigstore is nowhere.
type MissingError struct {
	Beside  string // the folder of imgo, where it was looked for before PATH; may be empty
	Install string // a command that installs it
}

func (e *MissingError) Error() string {
	if e.Beside == "" {
		return "signing and verifying need " + Program + ", which is not in PATH"
	}
	return fmt.Sprintf("signing and verifying need %s, which is neither in %s nor in PATH", Program, e.Beside)
}

// VersionError says that imgo-sigstore is of another release than imgo.
type VersionError struct {
	Path         string
	Ours, Theirs int    // versions of the protocol
	Version      string // imgo's own
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s is not of this release of imgo: it speaks version %d of the protocol, imgo version %d", e.Path, e.Theirs, e.Ours)
}

// ProcessError says that imgo-sigstore ended without a response that can be read.
type ProcessError struct {
	Path string
	Err  error
	Said string // the beginning of its standard error
}

func (e *ProcessError) Error() string {
	if e.Said == "" {
		return fmt.Sprintf("running %s: %s", e.Path, e.Err)
	}
	return fmt.Sprintf("running %s: %s: %s", e.Path, e.Err, e.Said)
}

func (e *ProcessError) Unwrap() error { return e.Err }

// InstallCommand is the command that installs the program of a version of imgo's.
func InstallCommand(version string) string {
	if version == "" || version[0] != 'v' {
		version = "latest"
	}
	return "go install github.com/imgo-build/imgo/cmd/" + Program + "@" + version
}

// Find says where the program is, without starting it. It looks beside imgo, where
// releases have it, then in PATH. Folders of PATH that depend on the current one don't
// count: a repository could bring a program along.
func (c *Client) Find() (string, error) {
	beside := ""
	if exe := c.opts.Executable; exe != "" {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		beside = filepath.Dir(exe)
	}
	folders := filepath.SplitList(c.opts.Path)
	if beside != "" {
		folders = append([]string{beside}, folders...)
	}
	for _, folder := range folders {
		if !filepath.IsAbs(folder) {
			continue
		}
		path := filepath.Join(folder, Program+suffix(runtime.GOOS))
		if info, err := os.Stat(path); err == nil && runs(info) {
			return path, nil
		}
	}
	return "", &MissingError{Beside: beside, Install: InstallCommand(c.opts.Version)}
}

func suffix(goos string) string {
	if goos == "windows" {
		return ".exe"
	}
	return ""
}

func runs(info fs.FileInfo) bool {
	return info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode()&0o111 != 0)
}
