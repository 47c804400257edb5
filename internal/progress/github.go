package progress

import (
	"fmt"
	"io"
	"path"
	"path/filepath"
	"regexp"
	"strings"

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
	return &github{Renderer: r, w: w, dir: filepath.ToSlash(dir)}
}

// position matches "file.go:12:5: message" and "file.go:12: message".
var position = regexp.MustCompile(`^(?:vet: )?([^\s:][^:]*\.(?:go|s|mod|work)):(\d+)(?::(\d+))?: (.+)$`)

func (g *github) Emit(e event.Event) {
	g.Renderer.Emit(e)
	switch e.Kind {
	case event.Output:
		if m := position.FindStringSubmatch(e.Text); m != nil {
			file := m[1]
			if !path.IsAbs(file) && !filepath.IsAbs(file) {
				file = path.Join(g.dir, filepath.ToSlash(file))
			}
			col := ""
			if m[3] != "" {
				col = ",col=" + m[3]
			}
			fmt.Fprintf(g.w, "::error file=%s,line=%s%s::%s\n", escapeProperty(file), m[2], col, escapeData(m[4]))
		}
	case event.Warning:
		fmt.Fprintf(g.w, "::warning::%s\n", escapeData(e.Text))
	}
}

// escapeData keeps a text from being read as more than the message of a workflow
// command.
func escapeData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func escapeProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(escapeData(s))
}
