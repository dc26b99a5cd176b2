// Handoff is a server on Go's tableflip that hands n listeners to its next generation, and says when it did what. Of HandoffPart.
//
//	handoff LISTENERS UPGRADES
//
// Each listener has an address, and so a name, of its own; each generation is a process with an upgrader of its own. A generation upgrades when
// there is a file "go.GENERATION" in the working directory. The times are those of CLOCK_MONOTONIC, which all processes share.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/cloudflare/tableflip"
)

const (
	generationVariable = "HANDOFF_GENERATION"
	poll               = 10 * time.Millisecond
)

func main() {
	count := number(os.Args[1])
	upgrades := number(os.Args[2])
	generation := 1
	if value := os.Getenv(generationVariable); value != "" {
		generation = number(value)
	}

	names := tableflip.Now()
	upgrader, err := tableflip.New(tableflip.Options{})
	must(err)
	listeners := make([]net.Listener, count)
	for i := range listeners {
		listeners[i], err = upgrader.Listen("tcp", address(i))
		must(err)
	}
	adopted := tableflip.Now()
	for _, listener := range listeners {
		go accept(listener)
	}
	ready := tableflip.Now()
	must(upgrader.Ready())
	fmt.Printf("child %d names %d adopted %d ready %d\n", generation, names, adopted, ready)
	must(upgrader.WaitForParent(context.Background()))
	fmt.Printf("settled %d\n", generation)
	if generation > upgrades {
		return
	}

	for !exists(fmt.Sprintf("go.%d", generation)) {
		time.Sleep(poll)
	}
	must(os.Setenv(generationVariable, strconv.Itoa(generation+1)))
	call := tableflip.Now()
	must(upgrader.Upgrade())
	returned := tableflip.Now()
	fmt.Printf("parent %d call %d spawned %d returned %d\n", generation+1, call, tableflip.SpawnedAt, returned)
	<-upgrader.Exit()
}

// No two have the same address, so that no two have the same name.
func address(i int) string {
	return fmt.Sprintf("127.1.%d.%d:0", i/200, i%200+1)
}

func accept(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		connection.Close()
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	must(err)
	return value
}

func must(err error) {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}
