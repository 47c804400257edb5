package progress

import (
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"github.com/imgo-build/imgo/internal/pattern"
	"github.com/imgo-build/imgo/pkg/event"
)

// github adds an annotation to what a compiler says of a line.
type github struct {
	Renderer
	w   io.Writer
	dir string
}

// NewGitHub wraps a renderer for a GitHub Actions log: each message of the go
// command that names a file and line is repeated as a workflow command, which GitHub
// shows at that line. dir is the directory in which the go command runs, relative to
// the repository's root.
// See https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
func NewGitHub(r Renderer, w io.Writer, dir string) Renderer {
	return &github{Renderer: r, w: w, dir: dir}
}

// position matches "file.go:12:5: message" and "file.go:12: message".
var position = pattern.New(`^(?:vet: )?([^\s:][^:]*\.(?:go|s|mod|work)):(\d+)(?::(\d+))?: (.+)$`)

func (g *github) Emit(e event.Event) {
	g.Renderer.Emit(e)
	switch e.Kind {
	case event.Output:
		if command := Annotation(g.dir, e.Text); command != "" {
			fmt.Fprintln(g.w, command)
		}
	case event.Warning:
		fmt.Fprintf(g.w, "::warning::%s\n", EscapeData(e.Text))
	}
}

// Annotation is the workflow command for a line of the go command's output, or an
// empty string where that names no file and line. dir is as for [NewGitHub].
func Annotation(dir, text string) string {
	m := position.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	file := m[1]
	if !path.IsAbs(file) && !filepath.IsAbs(file) {
		file = path.Join(filepath.ToSlash(dir), filepath.ToSlash(file))
	}
	col := ""
	if m[3] != "" {
		col = ",col=" + m[3]
	}
	return fmt.Sprintf("::error file=%s,line=%s%s::%s", escapeProperty(file), m[2], col, EscapeData(m[4]))
}

// EscapeData keeps a text from being read as more than the message of a workflow
// command.
func EscapeData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func escapeProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(EscapeData(s))
}
