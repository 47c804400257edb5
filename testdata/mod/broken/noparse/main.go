// Command noparse can't even be loaded.
package main

import "fmt

func main() { fmt.Println() }
