// Command vendored uses a module that is nowhere but in the vendor directory.
package main

import (
	"fmt"

	"example.com/dep"
)

func main() { fmt.Println(dep.Name()) }
