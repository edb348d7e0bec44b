# A container with a volume for the home. docs/terraform.md tells what the server does with a template of Terraform.
terraform {
  required_version = ">= 1.5"
  required_providers {
    coder  = { source = "coder/coder" }
    docker = { source = "kreuzwerker/docker", version = ">= 3.6" }
  }
}

variable "image" {
  type        = string
  description = "The image of the workspaces. It needs a shell and Python 3.11 or newer."
  default     = "docker.io/library/python:3.13-bookworm"
}

variable "docker_socket" {
  type        = string
  description = "Address of Docker, such as unix:///run/docker.sock. Empty: what the provisioner's environment says."
  default     = ""
}

variable "server_host" {
  type        = string
  description = "Where containers find the server, when its name leads elsewhere there: an address, or host-gateway. Empty: by its name."
  default     = ""
}

provider "docker" {
  host = var.docker_socket != "" ? var.docker_socket : null
}

data "coder_workspace" "me" {}
data "coder_workspace_owner" "me" {}

data "coder_parameter" "memory" {
  name         = "memory"
  display_name = "Memory"
  description  = "In GiB."
  type         = "number"
  default      = "4"
  mutable      = true
  order        = 1
  validation {
    min = 1
    max = 64
  }
}

data "coder_parameter" "cpus" {
  name         = "cpus"
  display_name = "Processors"
  type         = "number"
  default      = "2"
  mutable      = true
  order        = 2
  option {
    name  = "1"
    value = "1"
  }
  option {
    name  = "2"
    value = "2"
  }
  option {
    name  = "4"
    value = "4"
  }
}

data "coder_workspace_preset" "small" {
  name    = "Small"
  default = true
  parameters = {
    (data.coder_parameter.memory.name) = "2"
    (data.coder_parameter.cpus.name)   = "1"
  }
}

data "coder_workspace_preset" "large" {
  name = "Large"
  parameters = {
    (data.coder_parameter.memory.name) = "8"
    (data.coder_parameter.cpus.name)   = "4"
  }
}

resource "coder_agent" "main" {
  os   = "linux"
  arch = "amd64"

  metadata {
    key          = "disk"
    display_name = "Size of the home"
    script       = "du -sh \"$HOME\" 2>/dev/null | cut -f 1"
    interval     = 300
    timeout      = 60
  }
}

# Kept while the workspace is stopped; named by ids, which no renaming changes.
resource "docker_volume" "home" {
  name = "homeport-${data.coder_workspace.me.id}-home"
  labels {
    label = "homeport.workspace"
    value = data.coder_workspace.me.id
  }
  lifecycle {
    ignore_changes = all
  }
}

resource "docker_container" "workspace" {
  count    = data.coder_workspace.me.start_count
  name     = "homeport-${data.coder_workspace.me.id}"
  hostname = data.coder_workspace.me.name
  image    = var.image
  memory   = tonumber(data.coder_parameter.memory.value) * 1024
  cpus     = data.coder_parameter.cpus.value

  entrypoint = ["sh", "-c", coder_agent.main.init_script]
  env        = ["CODER_AGENT_TOKEN=${coder_agent.main.token}", "HOME=/home/dev"]

  volumes {
    volume_name    = docker_volume.home.name
    container_path = "/home/dev"
  }

  dynamic "host" {
    for_each = var.server_host != "" ? [var.server_host] : []
    content {
      host = split(":", split("/", data.coder_workspace.me.access_url)[2])[0]
      ip   = host.value
    }
  }

  labels {
    label = "homeport.workspace"
    value = data.coder_workspace.me.id
  }
}

resource "coder_metadata" "home" {
  resource_id = docker_volume.home.id
  item {
    key   = "kept"
    value = "until the workspace is deleted"
  }
}
