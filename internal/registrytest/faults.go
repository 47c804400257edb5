package registrytest

import (
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
)

// recorder notes the status of an answer and changes it as a [Fault] demands.
type recorder struct {
	http.ResponseWriter
	fault   Fault
	status  int
	sent    int64
	abort   bool
	replace bool
}

// apply carries out what replaces the handling of a request, and reports whether
// anything did.
func (w *recorder) apply(f *Fault, req *http.Request) bool {
	w.fault = *f
	if f.Status != 0 {
		for k, v := range f.Header {
			w.Header()[k] = v
		}
		w.fault = Fault{}
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, f.Body)
		return true
	}
	answers := req.Method == http.MethodGet
	if f.Drop && !(answers && f.After > 0) {
		_, _ = io.CopyN(io.Discard, req.Body, f.After)
		w.abort = true
		return true
	}
	w.replace = f.Replace != nil
	return false
}

func (w *recorder) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	for _, name := range w.fault.StripHeaders {
		w.Header().Del(name)
	}
	for k, v := range w.fault.SetHeaders {
		w.Header()[k] = v
	}
	if w.replace {
		w.Header().Set("Content-Length", strconv.Itoa(len(w.fault.Replace)))
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.replace {
		return len(p), nil
	}
	if w.fault.Drop {
		if left := w.fault.After - w.sent; int64(len(p)) > left {
			_, _ = w.ResponseWriter.Write(p[:max(left, 0)])
			_ = http.NewResponseController(w.ResponseWriter).Flush()
			w.abort = true
			return 0, io.ErrClosedPipe
		}
	}
	n, err := w.ResponseWriter.Write(p)
	w.sent += int64(n)
	return n, err
}

// finish completes an answer whose body was replaced.
func (w *recorder) finish() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.replace {
		_, _ = w.ResponseWriter.Write(w.fault.Replace)
	}
}

type countingBody struct {
	io.ReadCloser
	n atomic.Int64
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}
