"""Stages: who may publish and watch, and what is on air."""
