// Command api is one of the workspace's commands.
package main

import (
	"fmt"

	"example.com/api/greeting"
)

func main() { fmt.Println(greeting.For("api")) }
