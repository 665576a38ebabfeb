import { mount } from 'svelte'
import App from './App.svelte'
import './styles/index.css'

const host = document.getElementById('app')
if (host) mount(App, { target: host })
