package publish

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// createTemp makes a new file PREFIX-RANDOM in dir, with the mode that the umask
// leaves of 0644. (os.CreateTemp's 0600 would have to be undone without knowing the
// umask.)
func createTemp(dir, prefix string) (*os.File, error) {
	for range 100 {
		path := filepath.Join(dir, fmt.Sprintf("%s-%08x", prefix, rand.Uint32()))
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return nil, fmt.Errorf("no free name for a temporary file in %s", dir)
}

// writeFile writes a small file by rename, so that readers see the old or the new
// one.
func writeFile(path string, data []byte) error {
	f, err := createTemp(filepath.Dir(path), privatePrefix+"tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// outputWriter marks what goes wrong on the side that is written, which else can't
// be told from an error of the side that is read.
type outputWriter struct {
	w    io.Writer
	path string
}

func (o *outputWriter) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	return n, outputError(o.path, err)
}

// outputError wraps an error about path, without the path that the operating
// system's error may name (that of a temporary file).
func outputError(path string, err error) error {
	if err == nil || isA[*OutputError](err) {
		return err
	}
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	} else if le, ok := errors.AsType[*os.LinkError](err); ok {
		err = le.Err
	}
	return &OutputError{Path: path, Err: err}
}
