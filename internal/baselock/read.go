package baselock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/pattern"
)

// version is the form of the file.
const version = "1"

// maxSize bounds the file, in bytes.
const maxSize = 4 << 20

// Read reads a lock. Where there is none, it is empty. The error is a [*FormatError]
// for what is no lock, and one of package os otherwise.
func Read(path string) (*File, error) {
	// Before it is opened, since to open a pipe may take for ever.
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &File{Path: path}, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &FormatError{Path: path, Reason: "it is not a regular file"}
	case info.Size() > maxSize:
		return nil, &FormatError{Path: path, Reason: fmt.Sprintf("it is larger than %d MiB", maxSize>>20)}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parse(path, data)
}

func parse(path string, data []byte) (*File, error) {
	p := &parser{path: path, data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	p.dec.UseNumber()
	if err := p.conflict(); err != nil {
		return nil, err
	}
	f := &File{Path: path, Exists: true, onDisk: data, data: true}
	err := p.object(func(key string) error {
		switch key {
		case "version":
			return p.version()
		case "bases":
			return p.array(func() error { return p.entry(f) })
		}
		return p.unknown(key)
	}, "version", "bases")
	if err != nil {
		return nil, err
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, p.fail("there is something behind its end")
	}
	return f, nil
}

// parser reads the file token by token, which is what it takes to name the line of
// what is valid JSON and still wrong.
type parser struct {
	path string
	data []byte
	dec  *json.Decoder
}

// fail makes an error of where the parser is.
func (p *parser) fail(format string, args ...any) error {
	return p.failAt(p.dec.InputOffset(), format, args...)
}

func (p *parser) failAt(offset int64, format string, args ...any) error {
	read := p.data[:min(max(offset, 0), int64(len(p.data)))]
	return &FormatError{Path: p.path, Line: bytes.Count(read, []byte("\n")) + 1, Reason: fmt.Sprintf(format, args...)}
}

// conflict finds what git leaves where a merge needs a decision.
func (p *parser) conflict() error {
	n := 0
	for line := range bytes.Lines(p.data) {
		n++
		for _, marker := range []string{"<<<<<<< ", "||||||| ", ">>>>>>> "} {
			if bytes.HasPrefix(line, []byte(marker)) {
				return &FormatError{Path: p.path, Line: n, Reason: "it has an unresolved merge conflict"}
			}
		}
	}
	return nil
}

func (p *parser) token() (json.Token, error) {
	t, err := p.dec.Token()
	syntax, isSyntax := errors.AsType[*json.SyntaxError](err)
	switch {
	case err == nil:
		return t, nil
	case isSyntax:
		return nil, p.failAt(syntax.Offset, "it is not valid JSON: %v", err)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, p.failAt(int64(len(bytes.TrimRight(p.data, " \t\r\n"))), "it ends too early")
	}
	return nil, p.fail("it is not valid JSON: %v", err)
}

func (p *parser) delim(want json.Delim, what string) error {
	t, err := p.token()
	if err != nil {
		return err
	}
	if t != want {
		return p.fail("there is %s instead of %s", shown(t), what)
	}
	return nil
}

// object reads an object, with value called for the value of each key.
func (p *parser) object(value func(key string) error, required ...string) error {
	if err := p.delim('{', "an object"); err != nil {
		return err
	}
	begin := p.dec.InputOffset()
	var seen []string
	for p.dec.More() {
		t, err := p.token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		switch {
		case !ok:
			return p.fail("there is %s instead of a key", shown(t))
		case slices.Contains(seen, key):
			return p.fail("%q is there twice", key)
		}
		seen = append(seen, key)
		if err := value(key); err != nil {
			return err
		}
	}
	if _, err := p.token(); err != nil {
		return err
	}
	for _, key := range required {
		if !slices.Contains(seen, key) {
			return p.failAt(begin, "%q is missing", key)
		}
	}
	return nil
}

func (p *parser) array(element func() error) error {
	if err := p.delim('[', "a list"); err != nil {
		return err
	}
	for p.dec.More() {
		if err := element(); err != nil {
			return err
		}
	}
	_, err := p.token()
	return err
}

func (p *parser) text(key string) (string, error) {
	t, err := p.token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", p.fail("%s is %s instead of a string", key, shown(t))
	}
	return s, nil
}

func (p *parser) version() error {
	t, err := p.token()
	if err != nil {
		return err
	}
	n, ok := t.(json.Number)
	switch {
	case !ok:
		return p.fail("version is %s instead of a number", shown(t))
	case n.String() != version:
		return p.fail("it is of version %s, and this imgo knows version %s only", n, version)
	}
	return nil
}

func (p *parser) unknown(key string) error {
	return p.fail("unknown field %q, perhaps of a newer imgo", key)
}

func (p *parser) entry(f *File) error {
	var e Entry
	begin := p.dec.InputOffset()
	err := p.object(func(key string) error {
		var err error
		switch key {
		case "name":
			e.Name, err = p.name(f)
		case "digest":
			e.Digest, err = p.digest()
		case "created":
			e.Created, err = p.created()
		case "platforms":
			err = p.array(func() error {
				s, err := p.platform()
				e.Platforms = append(e.Platforms, s)
				return err
			})
		case "verified":
			e.Verified, err = p.signer()
		default:
			err = p.unknown(key)
		}
		return err
	}, "name", "digest")
	if err != nil {
		return err
	}
	if _, ok := f.search(e.Name); ok {
		return p.failAt(begin, "%s is pinned twice", e.Name)
	}
	f.Set(e)
	return nil
}

// name reads a name. It must be in the form in which names are looked up, or it would
// pin nothing.
func (p *parser) name(f *File) (string, error) {
	s, err := p.text("name")
	if err != nil {
		return "", err
	}
	tag, err := name.NewTag(s, name.StrictValidation)
	if err != nil || qualified(tag) != s {
		return "", p.fail("%q is not a fully qualified name with a tag, such as docker.io/library/alpine:3.24", s)
	}
	if _, ok := f.search(s); ok {
		return "", p.fail("%s is pinned twice", s)
	}
	return s, nil
}

func qualified(tag name.Tag) string {
	if rest, ok := strings.CutPrefix(tag.Name(), name.DefaultRegistry+"/"); ok {
		return "docker.io/" + rest
	}
	return tag.Name()
}

func (p *parser) digest() (v1.Hash, error) {
	s, err := p.text("digest")
	if err != nil {
		return v1.Hash{}, err
	}
	h, err := v1.NewHash(s)
	if err != nil || h.String() != s {
		return v1.Hash{}, p.fail("%q is not a digest, which is sha256: and 64 hexadecimal digits", s)
	}
	return h, nil
}

func (p *parser) created() (time.Time, error) {
	s, err := p.text("created")
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, s)
	if year := t.UTC().Year(); err != nil || year < 1 || year > 9999 {
		return time.Time{}, p.fail("%q is not a time such as 2026-05-01T00:00:00Z", s)
	}
	return t, nil
}

var platformForm = pattern.New(`^[a-z0-9_.-]+(/[a-z0-9_.-]+){1,2}$`)

func (p *parser) platform() (string, error) {
	s, err := p.text("platform")
	if err != nil {
		return "", err
	}
	if !platformForm.MatchString(s) {
		return "", p.fail("%q is not a platform such as linux/amd64", s)
	}
	return s, nil
}

// shown is a token as people call it.
func shown(t json.Token) string {
	switch t := t.(type) {
	case json.Delim:
		return fmt.Sprintf("%q", t.String())
	case string:
		return fmt.Sprintf("%.40q", t)
	case nil:
		return "null"
	}
	return fmt.Sprintf("%.40v", t)
}
