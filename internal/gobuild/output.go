package gobuild

import (
	"bytes"
	"strings"
)

// keepOutput is how much of a child's output an error carries, and the longest line
// that is passed on in one piece.
const keepOutput = 64 << 10

// lines passes a child's output on line by line, as it comes, and keeps its end.
type lines struct {
	emit    func(line string) // nil for none
	seen    map[string]bool   // what was emitted, here or before, and is not again; nil emits all
	partial []byte            // the line that has not ended yet
	kept    []byte            // the last bytes of all output
}

// Write never fails. os/exec calls it from one goroutine.
func (l *lines) Write(p []byte) (int, error) {
	l.kept = append(l.kept, p...)
	if over := len(l.kept) - keepOutput; over > 0 {
		l.kept = append(l.kept[:0], l.kept[over:]...)
	}
	l.partial = append(l.partial, p...)
	for {
		end := bytes.IndexByte(l.partial, '\n')
		if end < 0 {
			break
		}
		l.line(l.partial[:end])
		l.partial = l.partial[end+1:]
	}
	if len(l.partial) > keepOutput {
		l.flush()
	}
	return len(p), nil
}

// flush passes on a last line that has no newline.
func (l *lines) flush() {
	if len(l.partial) > 0 {
		l.line(l.partial)
		l.partial = nil
	}
}

func (l *lines) line(b []byte) {
	text := strings.TrimSuffix(string(b), "\r")
	if l.emit == nil || l.seen[text] {
		return
	}
	if l.seen != nil {
		l.seen[text] = true
	}
	l.emit(text)
}

// tail is the end of the output, from the start of a line.
func (l *lines) tail() string {
	tail := string(l.kept)
	if len(tail) == keepOutput {
		if _, rest, ok := strings.Cut(tail, "\n"); ok && rest != "" {
			tail = rest
		}
	}
	return strings.TrimRight(tail, "\n")
}
