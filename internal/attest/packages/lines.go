package packages

import (
	"bufio"
	"errors"
	"io"
)

// lines reads lines of any length in constant memory.
type lines struct {
	r      *bufio.Reader
	number int   // of the line that was read last, from 1
	err    error // that ended the reading, if not the end
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, maxField+64)} }

// next returns the next line without its end. What does not fit is dropped, and cut
// is set. The line is valid until the next call. ok is false at the end.
func (l *lines) next() (line []byte, cut, ok bool) {
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		// Skipping goes over the buffer that line is in.
		line, cut = append([]byte(nil), line...), true
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = l.r.ReadSlice('\n')
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		l.err = err
		return nil, false, false
	}
	if err != nil && len(line) == 0 {
		return nil, false, false
	}
	l.number++
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	return line, cut, true
}
