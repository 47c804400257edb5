package imgo

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime/debug"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// InspectedProgram is an executable and what the go command wrote into it.
type InspectedProgram struct {
	Path      string            `json:"path"`
	Layer     string            `json:"layer"` // digest
	Size      int64             `json:"size"`
	Problem   string            `json:"problem,omitempty"` // why nothing more is known
	GoVersion string            `json:"goVersion,omitempty"`
	Package   string            `json:"package,omitempty"` // import path
	Module    *ProgramModule    `json:"module,omitempty"`  // of the package
	Settings  map[string]string `json:"settings,omitempty"`
	Modules   []ProgramModule   `json:"modules,omitempty"` // that it is linked with, by path
}

// ProgramModule is a module in a program.
type ProgramModule struct {
	Path    string         `json:"path"`
	Version string         `json:"version,omitempty"`
	Sum     string         `json:"sum,omitempty"`
	Replace *ProgramModule `json:"replace,omitempty"`
}

// String is the version, and what the module is replaced with.
func (m *ProgramModule) String() string {
	if r := m.Replace; r != nil {
		return m.Version + " => " + r.Path + " " + r.Version
	}
	return m.Version
}

// facts are what the build info says, in the order in which people look for it.
func (p *InspectedProgram) facts() []Fact {
	out := []Fact{{"path", "", p.Path}, {"problem", "", p.Problem}, {"go", "", p.GoVersion}, {"package", "", p.Package}}
	if p.Module != nil {
		out = append(out, Fact{"main module", "", p.Module.Path + " " + p.Module.String()})
	}
	out = append(out, mapping("setting", p.Settings)...)
	for i := range p.Modules {
		out = append(out, Fact{"module", p.Modules[i].Path, p.Modules[i].String()})
	}
	return known(out)
}

// What a reader of build info may cost.
const (
	maxProgram  = 4 << 30  // bytes of a program, which go into a temporary file
	maxRead     = 64 << 20 // bytes that are read of it, into memory
	maxPrograms = 10_000
)

// addPrograms looks for programs in the layers of an image: in those that imgo made for
// programs, or in all that may have some. Layers with the digests in skip are left out.
// Of programs at one path the upper one counts.
func (c *Client) addPrograms(ctx context.Context, s *subject, img v1.Image, to *InspectedImage, all bool, skip map[string]bool) error {
	found := map[string]InspectedProgram{}
	for _, l := range to.Layers {
		sure := l.Kind == ProgramLayer || l.Kind == ProbeLayer
		maybe := all && (l.Kind == FilesLayer || l.Kind == OtherLayer)
		if skip[l.Digest] || l.elsewhere || !sure && !maybe {
			continue
		}
		err := s.readLayer(ctx, img, l, func(name string, h *tar.Header, content io.Reader) error {
			delete(found, name)
			if h.Typeflag != tar.TypeReg || h.Mode&0o111 == 0 {
				return nil
			}
			p := InspectedProgram{Path: name, Layer: l.Digest, Size: h.Size}
			isProgram, err := c.readProgram(content, &p)
			if err != nil || !isProgram || p.Problem != "" && !sure {
				return err
			}
			if found[name] = p; len(found) > maxPrograms {
				return &LayerError{l.Digest, fmt.Errorf("it holds more than %d programs", maxPrograms)}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	to.Programs = slices.SortedFunc(maps.Values(found), func(a, b InspectedProgram) int { return cmp.Compare(a.Path, b.Path) })
	if to.Programs == nil {
		to.Programs = []InspectedProgram{}
	}
	return nil
}

// readProgram describes a program, and reports false for what is none that Linux runs
// by itself. It goes through a temporary file, since its parts are read in no order.
func (c *Client) readProgram(content io.Reader, p *InspectedProgram) (bool, error) {
	const magic = "\x7fELF"
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(content, head); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || err == nil && string(head) != magic {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if p.Size > maxProgram {
		p.Problem = fmt.Sprintf("it is larger than %d GiB", maxProgram>>30)
		return true, nil
	}
	f, err := c.temp()
	if err != nil {
		return false, fmt.Errorf("looking at %s: %w", p.Path, err)
	}
	defer f.Close()
	if _, err := io.Copy(f, io.MultiReader(bytes.NewReader(head), content)); err != nil {
		return false, fmt.Errorf("looking at %s: %w", p.Path, err)
	}
	info, err := readBuildInfo(f.File)
	if err != nil {
		p.Problem = err.Error()
		return true, nil
	}
	p.describe(info)
	return true, nil
}

func (p *InspectedProgram) describe(info *debug.BuildInfo) {
	p.GoVersion, p.Package = info.GoVersion, info.Path
	if info.Main.Path != "" {
		p.Module = module(&info.Main)
	}
	for _, s := range info.Settings {
		if p.Settings == nil {
			p.Settings = map[string]string{}
		}
		p.Settings[s.Key] = s.Value
	}
	for _, m := range info.Deps {
		p.Modules = append(p.Modules, *module(m))
	}
}

func module(m *debug.Module) *ProgramModule {
	out := &ProgramModule{Path: m.Path, Version: m.Version, Sum: m.Sum}
	if m.Replace != nil {
		out.Replace = &ProgramModule{Path: m.Replace.Path, Version: m.Replace.Version, Sum: m.Replace.Sum}
	}
	return out
}

// readBuildInfo reads the build info of a file that may mean harm: debug/elf is not made
// for those, and says itself that it may panic and take what memory it can get.
func readBuildInfo(r io.ReaderAt) (info *debug.BuildInfo, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("its headers are malformed")
		}
	}()
	if info, err = buildinfo.Read(&limitedReaderAt{r: r, left: maxRead}); err != nil {
		return nil, err
	}
	return info, nil
}

// limitedReaderAt gives up after a number of bytes in all.
type limitedReaderAt struct {
	r    io.ReaderAt
	left int64
}

func (l *limitedReaderAt) ReadAt(p []byte, offset int64) (int, error) {
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, errors.New("there is too much to read")
	}
	return l.r.ReadAt(p, offset)
}

// tempFile is a file that is gone once it is closed.
type tempFile struct {
	*os.File
	removed bool
}

// temp makes a file beside the cache, which is on a disk with room, or else where the
// system has such files.
func (c *Client) temp() (*tempFile, error) {
	const pattern = ".inspect-*"
	var f *os.File
	err := os.MkdirAll(c.cache.Directory(), 0o755)
	if err == nil {
		f, err = os.CreateTemp(c.cache.Directory(), pattern)
	}
	if err != nil {
		f, err = os.CreateTemp("", pattern)
	}
	if err != nil {
		return nil, err
	}
	// Where open files can be removed, a killed process leaves nothing behind.
	return &tempFile{File: f, removed: os.Remove(f.Name()) == nil}, nil
}

// Close removes the file.
func (t *tempFile) Close() error {
	err := t.File.Close()
	if t.removed {
		return err
	}
	return errors.Join(err, os.Remove(t.Name()))
}
