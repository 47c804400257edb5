package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// several is how many programs the module of generateSeveral holds.
const several = 4

// generateSeveral writes a module of several small servers that share a package.
func (b *bench) generateSeveral() (w *workload, packages []string, err error) {
	w = &workload{name: "several", module: filepath.Join(b.work, "src", "several"), main: "cmd/one", leaf: "internal/hello"}
	for _, name := range []string{"one", "two", "three", "four"}[:several] {
		if err := generateHello(w.module, name); err != nil {
			return nil, nil, err
		}
		packages = append(packages, "./cmd/"+name)
	}
	return w, packages, b.ready(w)
}

// generateHello writes a module with a program that greets over HTTP, or adds the
// program to the module.
func generateHello(module, name string) error {
	for path, text := range map[string]string{
		"go.mod": "module example.com/hello\n\ngo 1.25\n",
		"internal/hello/hello.go": `package hello

import (
	"fmt"
	"net/http"
)

// Serve greets whoever asks.
func Serve(name, addr string) error {
	return http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "hello from", name)
	}))
}
`,
		"cmd/" + name + "/main.go": fmt.Sprintf(`package main

import "example.com/hello/internal/hello"

func main() {
	if err := hello.Serve(%q, ":8080"); err != nil {
		panic(err)
	}
}
`, name),
	} {
		file := filepath.Join(module, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
