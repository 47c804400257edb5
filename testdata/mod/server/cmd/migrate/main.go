// Command migrate stands for a service's second binary. It prints its arguments,
// one a line.
package main

import (
	"fmt"
	"os"
)

func main() {
	for _, arg := range os.Args[1:] {
		fmt.Println(arg)
	}
}
