// Command worker uses a package of the workspace's other module.
package main

import (
	"fmt"

	"example.com/api/greeting"
)

func main() { fmt.Println(greeting.For("worker")) }
