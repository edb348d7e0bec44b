# A deployment of one pod, and a claim for the home. docs/terraform.md tells what the server does with a template of Terraform.
terraform {
  required_version = ">= 1.5"
  required_providers {
    coder      = { source = "coder/coder" }
    kubernetes = { source = "hashicorp/kubernetes" }
  }
}

variable "namespace" {
  type        = string
  description = "The namespace of the workspaces. It must be there."
  default     = "workspaces"
}

variable "kubeconfig" {
  type        = string
  description = "Path of a file with credentials on the provisioner's machine. Empty: the service account of the provisioner's pod."
  default     = ""
}

variable "image" {
  type        = string
  description = "The image of the workspaces. It needs a shell and Python 3.11 or newer."
  default     = "docker.io/library/python:3.13-bookworm"
}

variable "storage_class" {
  type        = string
  description = "Storage class of the homes. Empty: the cluster's own."
  default     = ""
}

provider "kubernetes" {
  config_path = var.kubeconfig != "" ? var.kubeconfig : null
}

data "coder_workspace" "me" {}
data "coder_workspace_owner" "me" {}

data "coder_parameter" "home_size" {
  name         = "home_size"
  display_name = "Size of the home"
  description  = "In GiB. It can grow later and never shrink."
  type         = "number"
  default      = "10"
  mutable      = true
  order        = 1
  validation {
    min       = 1
    max       = 1000
    monotonic = "increasing"
  }
}

data "coder_parameter" "memory" {
  name         = "memory"
  display_name = "Memory"
  description  = "In GiB."
  type         = "number"
  default      = "4"
  mutable      = true
  order        = 2
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
  order        = 3
  validation {
    min = 1
    max = 32
  }
}

locals {
  labels = {
    "app.kubernetes.io/name"       = "homeport-workspace"
    "app.kubernetes.io/instance"   = data.coder_workspace.me.id
    "app.kubernetes.io/managed-by" = "homeport"
  }
}

resource "coder_agent" "main" {
  os   = "linux"
  arch = "amd64"

  metadata {
    key          = "disk"
    display_name = "Room in the home"
    script       = "df -h \"$HOME\" | awk 'NR == 2 { print $4 \" of \" $2 }'"
    interval     = 300
    timeout      = 10
  }
}

# Kept while the workspace is stopped.
resource "kubernetes_persistent_volume_claim_v1" "home" {
  metadata {
    name      = "homeport-${data.coder_workspace.me.id}-home"
    namespace = var.namespace
    labels    = local.labels
  }
  wait_until_bound = false
  spec {
    access_modes       = ["ReadWriteOnce"]
    storage_class_name = var.storage_class != "" ? var.storage_class : null
    resources {
      requests = { storage = "${data.coder_parameter.home_size.value}Gi" }
    }
  }
}

resource "kubernetes_deployment_v1" "workspace" {
  count            = data.coder_workspace.me.start_count
  wait_for_rollout = false
  metadata {
    name        = "homeport-${data.coder_workspace.me.id}"
    namespace   = var.namespace
    labels      = local.labels
    annotations = { "homeport/owner" = data.coder_workspace_owner.me.name, "homeport/workspace" = data.coder_workspace.me.name }
  }
  spec {
    replicas = 1
    selector {
      match_labels = { "app.kubernetes.io/instance" = data.coder_workspace.me.id }
    }
    # Two pods never write to one home.
    strategy {
      type = "Recreate"
    }
    template {
      metadata {
        labels = local.labels
      }
      spec {
        hostname                        = lower(data.coder_workspace.me.name)
        automount_service_account_token = false
        security_context {
          run_as_user     = "1000"
          run_as_group    = "1000"
          fs_group        = "1000"
          run_as_non_root = true
        }
        container {
          name    = "dev"
          image   = var.image
          command = ["sh", "-c", coder_agent.main.init_script]
          env {
            name  = "CODER_AGENT_TOKEN"
            value = coder_agent.main.token
          }
          env {
            name  = "HOME"
            value = "/home/dev"
          }
          security_context {
            allow_privilege_escalation = false
          }
          resources {
            requests = { cpu = "250m", memory = "512Mi" }
            limits   = { cpu = data.coder_parameter.cpus.value, memory = "${data.coder_parameter.memory.value}Gi" }
          }
          volume_mount {
            name       = "home"
            mount_path = "/home/dev"
          }
        }
        volume {
          name = "home"
          persistent_volume_claim {
            claim_name = kubernetes_persistent_volume_claim_v1.home.metadata[0].name
          }
        }
        affinity {
          pod_anti_affinity {
            preferred_during_scheduling_ignored_during_execution {
              weight = 1
              pod_affinity_term {
                topology_key = "kubernetes.io/hostname"
                label_selector {
                  match_labels = { "app.kubernetes.io/name" = "homeport-workspace" }
                }
              }
            }
          }
        }
      }
    }
  }
}
